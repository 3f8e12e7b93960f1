// One after the other; of those that come meanwhile, only the last one. The others get undefined.

export function latest(run) {
  let busy = false;
  let next = null;

  return async (argument) => {
    next = { argument };
    if (busy) return undefined;
    busy = true;
    let result;

    try {
      while (next) {
        const { argument: now } = next;
        next = null;
        result = await run(now);
      }
    } finally {
      busy = false;
    }

    return result;
  };
}
