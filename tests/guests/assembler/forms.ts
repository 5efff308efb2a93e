/**
 * Encodings that the assembler knows: `mnemonic operands: encoding`.
 *
 * Operands: `rm8 rm16 rm32 rm64 rm` register or memory (no number: of the operand size), `r...` register, `m` memory,
 * `i8 i16 iz i64` immediate, `s8` a constant that fits in a signed byte, `rel8 relz` branch target, `far`, `mfar`,
 * `sreg cr dr xmm xm mm al cl dx acc 1`.
 *
 * Encoding: opcode bytes, `/r`, `/0` to `/7`, `+r` register in the opcode, then the immediates. `p66 pf2 pf3` mandatory
 * prefix, `o16 o32 o64` operand size, `d64` 64 bits by default in 64-bit mode.
 *
 * @module
 */

/** How an instruction is encoded. */
export interface Form {
  readonly operands: readonly string[];
  readonly opcode: readonly number[];
  readonly prefix: number | undefined;
  /** Reg field of ModRM; "r": a register operand; `undefined`: no ModRM byte. */
  readonly modrm: number | "r" | undefined;
  readonly inOpcode: boolean;
  /** Operand size in bytes that the mnemonic implies. */
  readonly size: number | undefined;
  readonly default64: boolean;
}

const ARITHMETIC = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"];
const SHIFTS = ["rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar"];
const CONDITIONS: { readonly [name: string]: number } = {
  o: 0,
  no: 1,
  b: 2,
  c: 2,
  nae: 2,
  ae: 3,
  nc: 3,
  nb: 3,
  e: 4,
  z: 4,
  ne: 5,
  nz: 5,
  be: 6,
  na: 6,
  a: 7,
  nbe: 7,
  s: 8,
  ns: 9,
  p: 10,
  np: 11,
  l: 12,
  nge: 12,
  ge: 13,
  nl: 13,
  le: 14,
  ng: 14,
  g: 15,
  nle: 15,
};

const hex = (value: number) => value.toString(16).padStart(2, "0");

const generated = [
  ...ARITHMETIC.flatMap((name, digit) => [
    `${name} rm8,r8: ${hex(digit * 8)} /r`,
    `${name} rm,r: ${hex(digit * 8 + 1)} /r`,
    `${name} r8,rm8: ${hex(digit * 8 + 2)} /r`,
    `${name} r,rm: ${hex(digit * 8 + 3)} /r`,
    `${name} rm8,i8: 80 /${digit}`,
    `${name} rm,s8: 83 /${digit}`,
    `${name} rm,iz: 81 /${digit}`,
  ]),
  ...SHIFTS.flatMap((name, digit) => [
    `${name} rm8,1: d0 /${digit}`,
    `${name} rm,1: d1 /${digit}`,
    `${name} rm8,cl: d2 /${digit}`,
    `${name} rm,cl: d3 /${digit}`,
    `${name} rm8,i8: c0 /${digit}`,
    `${name} rm,i8: c1 /${digit}`,
  ]),
  ...Object.entries(CONDITIONS).flatMap(([name, code]) => [
    `j${name} rel8: ${hex(0x70 + code)}`,
    `j${name} relz: 0f ${hex(0x80 + code)}`,
    `set${name} rm8: 0f ${hex(0x90 + code)} /0`,
    `cmov${name} r,rm: 0f ${hex(0x40 + code)} /r`,
  ]),
  ...["not", "neg", "mul", "imul", "div", "idiv"].flatMap((name, index) => [
    `${name} rm8: f6 /${index + 2}`,
    `${name} rm: f7 /${index + 2}`,
  ]),
  ...["movs:a4", "cmps:a6", "stos:aa", "lods:ac", "scas:ae", "ins:6c", "outs:6e"].flatMap((text) => {
    const [name, code] = text.split(":") as [string, string];
    const wide = hex(parseInt(code, 16) + 1);
    return [
      `${name}b : ${code}`,
      `${name}w : o16 ${wide}`,
      `${name}d : o32 ${wide}`,
      `${name}q : o64 ${wide}`,
    ];
  }),
  ...["bt:4", "bts:5", "btr:6", "btc:7"].flatMap((text) => {
    const [name, digit] = text.split(":") as [string, string];
    return [`${name} rm,r: 0f ${hex(0x83 + 8 * Number(digit))} /r`, `${name} rm,i8: 0f ba /${digit}`];
  }),
];

const WRITTEN = `
mov rm8,r8: 88 /r
mov rm,r: 89 /r
mov r8,rm8: 8a /r
mov r,rm: 8b /r
mov rm,sreg: 8c /r
mov sreg,rm16: 8e /r
mov r64,i64: b8+r
mov rm64,iz: c7 /0
mov r8,i8: b0+r
mov r,iz: b8+r
mov rm8,i8: c6 /0
mov rm,iz: c7 /0
mov cr,r64: o32 0f 22 /r
mov cr,r32: o32 0f 22 /r
mov r64,cr: o32 0f 20 /r
mov r32,cr: o32 0f 20 /r
mov dr,r64: o32 0f 23 /r
mov dr,r32: o32 0f 23 /r
mov r64,dr: o32 0f 21 /r
mov r32,dr: o32 0f 21 /r
movzx r,rm8: 0f b6 /r
movzx r,rm16: 0f b7 /r
movsx r,rm8: 0f be /r
movsx r,rm16: 0f bf /r
movsxd r,rm32: 63 /r
lea r,m: 8d /r
xchg rm8,r8: 86 /r
xchg rm,r: 87 /r
test rm8,r8: 84 /r
test rm,r: 85 /r
test rm8,i8: f6 /0
test rm,iz: f7 /0
inc rm8: fe /0
inc rm: ff /0
dec rm8: fe /1
dec rm: ff /1
imul r,rm: 0f af /r
imul r,rm,s8: 6b /r
imul r,rm,iz: 69 /r
xadd rm8,r8: 0f c0 /r
xadd rm,r: 0f c1 /r
cmpxchg rm8,r8: 0f b0 /r
cmpxchg rm,r: 0f b1 /r
cmpxchg8b m: 0f c7 /1
cmpxchg16b m: o64 0f c7 /1
shld rm,r,i8: 0f a4 /r
shrd rm,r,i8: 0f ac /r
push sreg_es: 06
push sreg_cs: 0e
push sreg_ss: 16
push sreg_ds: 1e
push sreg_fs: 0f a0
push sreg_gs: 0f a8
pop sreg_es: 07
pop sreg_ss: 17
pop sreg_ds: 1f
pop sreg_fs: 0f a1
pop sreg_gs: 0f a9
push r: d64 50+r
push rm: d64 ff /6
push s8: d64 6a
push iz: d64 68
pushw iz: o16 68
pushd iz: o32 68
pop r: d64 58+r
pop rm: d64 8f /0
pusha : 60
pushaw : o16 60
pushad : o32 60
popa : 61
popaw : o16 61
popad : o32 61
pushf : 9c
pushfw : o16 9c
pushfd : o32 9c
pushfq : 9c
popf : 9d
popfw : o16 9d
popfd : o32 9d
popfq : 9d
enter i16,i8: c8
leave : c9
call relz: e8
call far: 9a
call mfar: ff /3
call rm: d64 ff /2
jmp rel8: eb
jmp relz: e9
jmp far: ea
jmp mfar: ff /5
jmp rm: d64 ff /4
ret : c3
ret i16: c2
retf : cb
retf i16: ca
retfw : o16 cb
retfd : o32 cb
retfq : o64 cb
retfq i16: o64 ca
loop rel8: e2
loope rel8: e1
loopne rel8: e0
jcxz rel8: e3
jecxz rel8: e3
jrcxz rel8: e3
int i8: cd
int3 : cc
int1 : f1
into : ce
iret : cf
iretw : o16 cf
iretd : o32 cf
iretq : o64 cf
bound r,m: 62 /r
arpl rm16,r16: 63 /r
nop : 90
nop rm: 0f 1f /0
hlt : f4
cmc : f5
clc : f8
stc : f9
cli : fa
sti : fb
cld : fc
std : fd
lahf : 9f
sahf : 9e
cbw : o16 98
cwde : o32 98
cdqe : o64 98
cwd : o16 99
cdq : o32 99
cqo : o64 99
daa : 27
das : 2f
aaa : 37
aas : 3f
aam i8: d4
aad i8: d5
salc : d6
xlatb : d7
in al,i8: e4
in acc,i8: e5
in al,dx: ec
in acc,dx: ed
out i8,al: e6
out i8,acc: e7
out dx,al: ee
out dx,acc: ef
les r,m: c4 /r
lds r,m: c5 /r
lss r,m: 0f b2 /r
lfs r,m: 0f b4 /r
lgs r,m: 0f b5 /r
sldt rm: 0f 00 /0
str rm: 0f 00 /1
lldt rm16: 0f 00 /2
ltr rm16: 0f 00 /3
verr rm16: 0f 00 /4
verw rm16: 0f 00 /5
lar r,rm: 0f 02 /r
lsl r,rm: 0f 03 /r
sgdt m: 0f 01 /0
sidt m: 0f 01 /1
lgdt m: 0f 01 /2
lidt m: 0f 01 /3
smsw rm: 0f 01 /4
lmsw rm16: 0f 01 /6
invlpg m: 0f 01 /7
swapgs : 0f 01 f8
rdtscp : 0f 01 f9
clac : 0f 01 ca
stac : 0f 01 cb
xgetbv : 0f 01 d0
xsetbv : 0f 01 d1
syscall : 0f 05
sysret : 0f 07
sysretq : o64 0f 07
sysenter : 0f 34
sysexit : 0f 35
sysexitq : o64 0f 35
clts : 0f 06
invd : 0f 08
wbinvd : 0f 09
ud2 : 0f 0b
wrmsr : 0f 30
rdtsc : 0f 31
rdmsr : 0f 32
rdpmc : 0f 33
cpuid : 0f a2
invpcid r32,m: p66 o32 0f 38 82 /r
invpcid r64,m: p66 o32 0f 38 82 /r
rdfsbase r: pf3 0f ae /0
rdgsbase r: pf3 0f ae /1
wrfsbase r: pf3 0f ae /2
wrgsbase r: pf3 0f ae /3
bsf r,rm: 0f bc /r
bsr r,rm: 0f bd /r
bswap r: 0f c8+r
fninit : db e3
fnstcw m: d9 /7
fldcw m: d9 /5
fnstsw m: dd /7
fnclex : db e2
fld1 : d9 e8
fldz : d9 ee
fdivp : de f9
fwait : 9b
fxsave m: 0f ae /0
fxrstor m: 0f ae /1
ldmxcsr m: 0f ae /2
stmxcsr m: 0f ae /3
emms : 0f 77
movd mm,rm32: 0f 6e /r
movaps xmm,xm: 0f 28 /r
movaps xm,xmm: 0f 29 /r
movups xmm,xm: 0f 10 /r
movups xm,xmm: 0f 11 /r
movdqu xmm,xm: pf3 0f 6f /r
movdqu xm,xmm: pf3 0f 7f /r
divps xmm,xm: 0f 5e /r
xorps xmm,xm: 0f 57 /r
pause : f3 90
monitor : 0f 01 c8
mwait : 0f 01 c9
`;

function parseForm(line: string): [name: string, form: Form] {
  const [, name, operands, encoding] = /^(\w+) ([^:]*): (.*)$/.exec(line)!;
  const tokens = encoding!.split(" ");
  const opcode: number[] = [];
  let prefix: number | undefined;
  let modrm: number | "r" | undefined;
  let inOpcode = false;
  let size: number | undefined;
  let default64 = false;
  for (const token of tokens) {
    if (/^p[\da-f]{2}$/.test(token)) prefix = parseInt(token.slice(1), 16);
    else if (/^o\d+$/.test(token)) size = Number(token.slice(1)) / 8;
    else if (token === "d64") default64 = true;
    else if (token === "/r") modrm = "r";
    else if (token.startsWith("/")) modrm = Number(token.slice(1));
    else {
      inOpcode = token.endsWith("+r");
      opcode.push(parseInt(token.slice(0, 2), 16));
    }
  }
  const list = operands === "" ? [] : operands!.split(",");
  return [name!, { operands: list, opcode, prefix, modrm, inOpcode, size, default64 }];
}

function buildForms(): ReadonlyMap<string, readonly Form[]> {
  const forms = new Map<string, Form[]>();
  for (const line of [...generated, ...WRITTEN.trim().split("\n")]) {
    const [name, form] = parseForm(line);
    forms.set(name, [...forms.get(name) ?? [], form]);
  }
  return forms;
}

/** Forms by mnemonic, in the order in which they are tried. */
export const FORMS: ReadonlyMap<string, readonly Form[]> = buildForms();
