import { assertEquals } from "@std/assert";
import { keyCodes, scanCode, translate } from "./scan_codes.ts";

const NONE = { shift: false, control: false, alt: false };

function codes(name: string, set: number, modifiers: Partial<typeof NONE> = {}): string {
  const hex = (down: boolean) =>
    scanCode(name, set, down, { ...NONE, ...modifiers }).map((byte) => byte.toString(16)).join(" ");
  return `${hex(true)} | ${hex(false)}`;
}

Deno.test("keys have their codes in the three sets", () => {
  assertEquals([1, 2, 3].map((set) => codes("KeyA", set)), ["1e | 9e", "1c | f0 1c", "1c | f0 1c"]);
  assertEquals([1, 2, 3].map((set) => codes("Escape", set)), ["1 | 81", "76 | f0 76", "8 | f0 8"]);
  assertEquals([1, 2, 3].map((set) => codes("F7", set)), ["41 | c1", "83 | f0 83", "37 | f0 37"]);
  assertEquals(
    [1, 2, 3].map((set) => codes("ArrowUp", set)),
    ["e0 48 | e0 c8", "e0 75 | e0 f0 75", "63 | f0 63"],
  );
  assertEquals(
    [1, 2, 3].map((set) => codes("ControlRight", set)),
    ["e0 1d | e0 9d", "e0 14 | e0 f0 14", "58 | f0 58"],
  );
});

Deno.test("set 1 has the codes of the original PC keyboard in order", () => {
  const rows = [
    "Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace Tab",
    "KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft",
    "KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote ShiftLeft Backslash",
    "KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply AltLeft Space CapsLock",
    "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8 Numpad9 NumpadSubtract",
    "Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal",
  ];
  rows.join(" ").split(" ").forEach((name, index) => {
    assertEquals(scanCode(name, 1, true, NONE), [index + 1], name);
  });
  assertEquals(["IntlBackslash", "F11", "F12"].map((name) => scanCode(name, 1, true, NONE)[0]), [
    0x56,
    0x57,
    0x58,
  ]);
});

Deno.test("PrintScreen depends on the modifiers", () => {
  assertEquals(codes("PrintScreen", 2), "e0 12 e0 7c | e0 f0 7c e0 f0 12");
  assertEquals(codes("PrintScreen", 1), "e0 2a e0 37 | e0 b7 e0 aa");
  assertEquals(codes("PrintScreen", 2, { shift: true }), "e0 7c | e0 f0 7c");
  assertEquals(codes("PrintScreen", 2, { alt: true }), "84 | f0 84");
  assertEquals(codes("PrintScreen", 1, { alt: true }), "54 | d4");
  assertEquals(codes("PrintScreen", 3), "57 | f0 57");
});

Deno.test("Pause sends everything when it goes down", () => {
  assertEquals(codes("Pause", 2), "e1 14 77 e1 f0 14 f0 77 | ");
  assertEquals(codes("Pause", 1), "e1 1d 45 e1 9d c5 | ");
  assertEquals(codes("Pause", 1, { control: true }), "e0 46 e0 c6 | ");
});

Deno.test("no two keys share a code", () => {
  const names = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].map((letter) => `Key${letter}`)
    .concat([..."0123456789"].flatMap((digit) => [`Digit${digit}`, `Numpad${digit}`]))
    .concat(Array.from({ length: 24 }, (_, index) => `F${index + 1}`))
    .concat("ArrowUp ArrowDown ArrowLeft ArrowRight Home End PageUp PageDown Insert Delete Enter".split(" "))
    .concat("NumpadEnter NumpadAdd AudioVolumeUp AudioVolumeDown MetaLeft MetaRight ContextMenu".split(" "));
  for (const set of [1, 2, 3]) {
    const seen = new Set<string>();
    for (const name of names) {
      const code = codes(name, set);
      if (set === 3 && keyCodes(name)?.set3 === undefined) continue;
      assertEquals(seen.has(code), false, `${name} in set ${set}`);
      seen.add(code);
    }
  }
});

Deno.test("an unknown key sends nothing", () => {
  assertEquals(codes("NoSuchKey", 2), " | ");
  assertEquals(keyCodes("constructor"), undefined);
});

Deno.test("translation is one to one below 128 and keeps responses", () => {
  const low = new Set(Array.from({ length: 128 }, (_, byte) => translate(byte)));
  assertEquals(low.size, 128);
  assertEquals([0xfa, 0xaa, 0xee, 0xfe, 0xe0, 0xe1].map(translate), [0xfa, 0xaa, 0xee, 0xfe, 0xe0, 0xe1]);
});
