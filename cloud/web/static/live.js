// The live stream of one site: opened again whenever it ends or goes quiet, from the last id that was seen.

const QUIET_MS = 12000;
const RETRY_MS = 2000;

export class Live {
  #site;
  #kinds;
  #hear;
  #source = null;
  #lastId = null;
  #openedAt = 0;
  #timer;

  // `hear(event, data)` is called with each message: hello, heartbeat, goodbye, or a kind of change.
  constructor(site, kinds, hear) {
    this.#site = site;
    this.#kinds = kinds;
    this.#hear = hear;
    this.heardAt = performance.now();
    this.#open();
    this.#timer = setInterval(() => this.#watch(), 1000);
  }

  close() {
    clearInterval(this.#timer);
    this.#source.close();
  }

  #open() {
    const query = new URLSearchParams({ site: this.#site });
    for (const kind of this.#kinds) query.append("kind", kind);
    if (this.#lastId !== null) query.set("after", this.#lastId);
    this.#openedAt = performance.now();
    this.#source = new EventSource(`/api/v1/stream?${query}`);
    for (const name of ["hello", "heartbeat", "goodbye", ...this.#kinds]) {
      this.#source.addEventListener(name, (message) => this.#take(name, message));
    }
  }

  #take(name, message) {
    this.heardAt = performance.now();
    this.#lastId = message.lastEventId;
    this.#hear(name, JSON.parse(message.data));
  }

  // A browser gives up for good on an error answer, and never notices a connection that is only silent.
  #watch() {
    const now = performance.now();
    const ended = this.#source.readyState === EventSource.CLOSED && now - this.#openedAt > RETRY_MS;
    const quiet = now - Math.max(this.heardAt, this.#openedAt) > QUIET_MS;
    if (ended || quiet) {
      this.#source.close();
      this.#open();
    }
  }
}
