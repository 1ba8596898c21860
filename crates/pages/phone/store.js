// What the phone keeps, in IndexedDB: commands that are not in the books yet under their unique
// keys (`outbox`), and the tour of the day (`kept`).

const DATABASE = "doorstep-phone";
let opened;

const open = () => {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("outbox", { keyPath: "key" });
      request.result.createObjectStore("kept");
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  return opened;
};

// Runs `work` in one transaction. It is on the disk when the promise is fulfilled.
const within = async (store, mode, work) => {
  const database = await open();
  return new Promise((done, failed) => {
    const change = database.transaction(store, mode, { durability: "strict" });
    const request = work(change.objectStore(store));
    change.oncomplete = () => done(request?.result);
    change.onerror = (event) => failed(event.target.error);
    change.onabort = () => failed(change.error);
  });
};

export const items = async () => {
  const all = await within("outbox", "readonly", (store) => store.getAll());
  return all.sort((one, other) => one.seq - other.seq);
};

// False if there is an item of this key: the second of a double tap, or of two tabs.
export const add = async (item) => {
  try {
    await within("outbox", "readwrite", (store) => store.add(item));
    return true;
  } catch (error) {
    if (error?.name === "ConstraintError") return false;
    throw error;
  }
};

export const change = (item) => within("outbox", "readwrite", (store) => store.put(item));
export const remove = (key) => within("outbox", "readwrite", (store) => store.delete(key));
export const kept = (name) => within("kept", "readonly", (store) => store.get(name));
export const keep = (name, value) => within("kept", "readwrite", (store) => store.put(value, name));
export const drop = (name) => within("kept", "readwrite", (store) => store.delete(name));
