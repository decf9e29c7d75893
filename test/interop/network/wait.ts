const POLL_MILLISECONDS = 50;

/**
 * Asks again until the answer is as wanted, and gives it.
 *
 * @throws Error with the last answer when that takes longer than `seconds`
 */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  seconds = 20,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  do {
    try {
      const answer = await ask();
      if (wanted(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  } while (performance.now() < deadline);
  throw new Error(`${what}: not after ${seconds} s; last seen: ${describe(last)}`);
}

function describe(value: unknown): string {
  if (value instanceof Error) return value.message;
  const text = value instanceof Set ? `set of ${value.size}` : JSON.stringify(value);
  return text === undefined || text.length < 1000 ? String(text) : `${text.slice(0, 1000)}…`;
}
