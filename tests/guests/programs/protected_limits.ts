/**
 * Limits and types of segments, as each access checks them.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { show } from "../runtime/printing.ts";
import { descriptor, protectedGuest, segment } from "../runtime/protected.ts";
import { load } from "./protected_segments.ts";

const SCRATCH = 0x300000;
const DATA = 0x93;
const READ_ONLY = 0x91;
const DOWN = 0x97;
const CODE = 0x9b;
const EXECUTE_ONLY = 0x99;

export const protectedLimits: Guest = {
  name: "protected_limits",
  onlyHere: "TCG checks neither limits nor types of segments in memory accesses",
  source: protectedGuest("protected_limits", [
    { name: "last byte", body: `${load("fs", SCRATCH, 0xff, DATA)}mov al, [fs:0xff]\nmov [fs:0xff], al` },
    { name: "beyond the limit", body: `${load("fs", SCRATCH, 0xff, DATA)}mov al, [fs:0x100]` },
    { name: "word over the limit", body: `${load("fs", SCRATCH, 0xff, DATA)}mov ax, [fs:0xff]` },
    { name: "dword up to the limit", body: `${load("fs", SCRATCH, 0xff, DATA)}mov eax, [fs:0xfc]` },
    { name: "write beyond the limit", body: `${load("fs", SCRATCH, 0xff, DATA)}mov [fs:0x100], al` },
    {
      name: "page granularity",
      body: `${load("fs", SCRATCH, 0, DATA, 12)}mov al, [fs:0xfff]\nmov al, [fs:0x1000]`,
    },
    {
      name: "offset wraps",
      body: `${load("fs", SCRATCH, 0xfffff, DATA, 12)}mov ebx, 0xfffffffe\nmov eax, [fs:ebx]`,
    },
    { name: "expand-down: at the limit", body: `${load("fs", SCRATCH, 0xff, DOWN)}mov al, [fs:0xff]` },
    { name: "expand-down: behind the limit", body: `${load("fs", SCRATCH, 0xff, DOWN)}mov al, [fs:0x100]` },
    {
      name: "expand-down: 16-bit upper bound",
      body: `${load("fs", SCRATCH, 0xff, DOWN, 0)}mov al, [fs:0xffff]\nmov ax, [fs:0xffff]`,
    },
    {
      name: "expand-down: beyond 16 bits",
      body: `${load("fs", SCRATCH, 0xff, DOWN, 0)}mov al, [fs:0x10000]`,
    },
    {
      name: "expand-down: page granularity",
      body: `${load("fs", SCRATCH, 1, DOWN, 12)}mov al, [fs:0x2000]\nmov al, [fs:0x1fff]`,
    },
    {
      name: "write to read-only data",
      body: `${load("fs", SCRATCH, 0xff, READ_ONLY)}mov al, [fs:0]\nmov [fs:0], al`,
    },
    { name: "read of readable code", body: `${load("fs", SCRATCH, 0xff, CODE)}mov al, [fs:0]` },
    { name: "write to code", body: `${load("fs", SCRATCH, 0xff, CODE)}mov [fs:0], al` },
    {
      name: "read of CS that is execute-only",
      body: `${
        descriptor(0, segment(0, 0xfffff, EXECUTE_ONLY, 12))
      }jmp FREE:.there\n.there:\nmov al, [cs:SCRATCH]`,
    },
    { name: "write through CS", body: "mov [cs:SCRATCH], al" },
    { name: "read of a null segment", body: "xor eax, eax\nmov fs, ax\nmov al, [fs:0]" },
    {
      name: "null selector with RPL",
      body: "mov eax, 3\nmov fs, ax\nmov ebx, fs\nmov al, [fs:0]",
      after: show("ebx"),
    },
    {
      name: "iretd beyond the limit",
      body: `${descriptor(0, segment(0, 0xffff, CODE))}push 2\npush FREE\npush 0x10000\niretd`,
    },
    {
      name: "stack limit in ring 3: push",
      body: `${
        descriptor(0, segment(0x1e0000, 0xff, 0xf3))
      }push FREE + 3\npush 0x104\npush 2\npush UCODE\npush .user\niretd\n.user:\npush 1`,
    },
    {
      name: "stack limit in ring 3: pop",
      body: `${
        descriptor(0, segment(0x1e0000, 0xff, 0xf3))
      }push FREE + 3\npush 0xfe\npush 2\npush UCODE\npush .user\niretd\n.user:\npop eax`,
    },
    {
      name: "stack limit in ring 3: ebp",
      body: `${
        descriptor(0, segment(0x1e0000, 0xff, 0xf3))
      }push FREE + 3\npush 0x80\npush 2\npush UCODE\npush .user\niretd\n.user:\nmov ebp, 0x100\nmov al, [ebp]`,
    },
    {
      name: "stack limit in ring 3: call",
      body: `${
        descriptor(0, segment(0x1e0000, 0xff, 0xf3))
      }push FREE + 3\npush 2\npush 2\npush UCODE\npush .user\niretd\n.user:\ncall .after`,
    },
    {
      name: "stack limit in ring 3: pusha",
      body: `${
        descriptor(0, segment(0x1e0000, 0xff, 0xf3))
      }push FREE + 3\npush 0x10\npush 2\npush UCODE\npush .user\niretd\n.user:\npushad`,
    },
    {
      name: "expand-down stack in ring 3",
      body: `${
        descriptor(0, segment(0x1e0000, 0xfff, 0xf7))
      }push FREE + 3\npush 0x1008\npush 2\npush UCODE\npush .user\niretd\n.user:\npush 1\npush 2\npush 3`,
    },
    {
      name: "execution runs over the limit",
      body: `${
        descriptor(0, segment(0x300000, 0xfff, CODE))
      }mov word [SCRATCH + 0xffe], 0x9090\njmp FREE:0xffe`,
      after: "jmp KCODE:.flat\n.flat:\n",
    },
  ]),
};
