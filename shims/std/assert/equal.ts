/** Whether two values have the same structure and contents. */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

function compare(a: unknown, b: unknown, seen: Map<unknown, unknown>): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (!sameKind(a, b)) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof RegExp || a instanceof URL) return String(a) === String(b);
  if (a instanceof WeakMap || a instanceof WeakSet || a instanceof WeakRef) {
    throw new TypeError("Cannot compare weak collections");
  }
  if (isTypedArray(a) && isTypedArray(b)) {
    if (a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) {
      if (a[index] !== b[index] && !Object.is(a[index], b[index])) return false;
    }
    return true;
  }
  if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) {
    return compare(new Uint8Array(a), new Uint8Array(b), seen);
  }
  if (a instanceof Set && b instanceof Set) return sameMembers(a, b, seen);
  if (a instanceof Map && b instanceof Map) return sameEntries(a, b, seen);
  if (a instanceof Error && b instanceof Error && a.message !== b.message) return false;
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return false;
  const keys = Reflect.ownKeys(a).filter((key) => isEnumerable(a, key));
  if (keys.length !== Reflect.ownKeys(b).filter((key) => isEnumerable(b, key)).length) return false;
  return keys.every((key) => isEnumerable(b, key) && compare(Reflect.get(a, key), Reflect.get(b, key), seen));
}

/** A plain object and one without a prototype are the same kind. */
function sameKind(a: object, b: object): boolean {
  const first = a.constructor;
  const second = b.constructor;
  return first === second || (first === Object && !second) || (!first && second === Object);
}

function isEnumerable(value: object, key: PropertyKey): boolean {
  return Object.prototype.propertyIsEnumerable.call(value, key);
}

function isTypedArray(value: object): value is Uint8Array {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function sameMembers(a: Set<unknown>, b: Set<unknown>, seen: Map<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  const rest = new Set([...b].filter((member) => !a.has(member)));
  for (const member of a) {
    if (b.has(member)) continue;
    const match = [...rest].find((other) => compare(member, other, new Map(seen)));
    if (match === undefined) return false;
    rest.delete(match);
  }
  return true;
}

function sameEntries(
  a: Map<unknown, unknown>,
  b: Map<unknown, unknown>,
  seen: Map<unknown, unknown>,
): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const matches = b.has(key)
      ? compare(value, b.get(key), seen)
      : [...b].some(([other, held]) =>
        compare(key, other, new Map(seen)) && compare(value, held, new Map(seen))
      );
    if (!matches) return false;
  }
  return true;
}
