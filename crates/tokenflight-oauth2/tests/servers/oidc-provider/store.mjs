// Where oidc-provider keeps things: memory, and a file if a restart is to find them again.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const now = () => Math.floor(Date.now() / 1000);

export class Store {
  #file;
  #dirty = false;
  // By model and by id: what the provider saved, as it saved it.
  #models = {};

  constructor(directory) {
    if (!directory) return;
    mkdirSync(directory, { recursive: true });
    this.#file = path.join(directory, 'state.json');
    try {
      this.#models = JSON.parse(readFileSync(this.#file));
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }

  #model(name) {
    this.#models[name] ??= {};
    return this.#models[name];
  }

  // Writes what has changed. The file is whole at any time, also when this process is killed.
  flush() {
    if (!this.#dirty || !this.#file) return;
    this.#dirty = false;
    const draft = `${this.#file}.draft`;
    writeFileSync(draft, JSON.stringify(this.#models));
    renameSync(draft, this.#file);
  }

  // A value that is made in the first life and kept in the others.
  once(name, make) {
    const own = this.#model('Server');
    if (!own[name]) {
      own[name] = make();
      this.#dirty = true;
      this.flush();
    }
    return own[name];
  }

  // Forgets what belongs to one session, or to all, and tells how much it was.
  remove(models, session) {
    let count = 0;
    for (const model of models) {
      const entries = this.#model(model);
      for (const [id, { grantId }] of Object.entries(entries)) {
        if (!session || session === (model === 'Grant' ? id : grantId)) {
          delete entries[id];
          count += 1;
        }
      }
    }
    this.#dirty = true;
    return count;
  }

  // What oidc-provider calls an adapter.
  adapter(model) {
    const entries = this.#model(model);
    const changed = () => { this.#dirty = true; };
    const find = async (of) => Object.values(entries).find(of);
    return {
      async upsert(id, payload) {
        entries[id] = payload;
        changed();
      },
      find: async (id) => entries[id],
      findByUid: (uid) => find((entry) => entry.uid === uid),
      findByUserCode: (code) => find((entry) => entry.userCode === code),
      async consume(id) {
        entries[id].consumed = now();
        changed();
      },
      async destroy(id) {
        delete entries[id];
        changed();
      },
      async revokeByGrantId(grant) {
        for (const [id, { grantId }] of Object.entries(entries)) {
          if (grantId === grant) delete entries[id];
        }
        changed();
      },
    };
  }
}
