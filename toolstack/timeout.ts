/**
 * Waiting for something for a limited time.
 *
 * @module
 */

/** What `result` gives, or nothing if it fails or takes longer than `milliseconds`. */
export async function inTime<T>(result: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([result.catch(() => undefined), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
