// The server's time. Countdowns hang on it, never on the clock of this screen, which may be wrong or be set.

let server = Date.now();
let measured = performance.now();

export function serverSays(now) {
  server = now;
  measured = performance.now();
}

export const serverNow = () => server + (performance.now() - measured);
