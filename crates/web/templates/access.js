// Sign-in, second factor and passkeys of the page /access. Sends what the page has to the API, and
// what an authenticator answers, as it is: the server decides.
"use strict";

const part = (id) => document.getElementById(id);
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

let csrf = "";

function show(problem) {
  part("problem").textContent = problem;
  part("problem").hidden = !problem;
}

// Calls the API. A problem is thrown with its words, which are in the language of the page.
async function call(method, path, fields) {
  const headers = { "Accept": "application/json", "Accept-Language": document.documentElement.lang };
  if (csrf) headers["Doorstep-Csrf"] = csrf;
  if (fields) headers["Content-Type"] = "application/json";
  const body = fields && JSON.stringify(fields);
  const answer = await fetch(path, { method, headers, body, credentials: "same-origin" });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

async function usedPasskey() {
  const asked = await call("POST", "/v1/passkey-challenges", {});
  const credential = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(asked.challenge),
      rpId: asked.relying_party,
      userVerification: "required",
      timeout: asked.timeout_ms,
    },
  });
  const { clientDataJSON, authenticatorData, signature } = credential.response;
  return {
    passkey: text(credential.rawId),
    client_data: text(clientDataJSON),
    authenticator_data: text(authenticatorData),
    signature: text(signature),
  };
}

async function madePasskey(name) {
  const asked = await call("POST", "/v1/new-passkeys", {});
  const credential = await navigator.credentials.create({
    publicKey: {
      challenge: bytes(asked.challenge),
      rp: { id: asked.relying_party, name: "Doorstep" },
      user: { id: bytes(asked.user), name: asked.name, displayName: asked.name },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }],
      excludeCredentials: asked.others.map((id) => ({ type: "public-key", id: bytes(id) })),
      authenticatorSelection: {
        residentKey: "required", requireResidentKey: true, userVerification: "required",
      },
      attestation: "none",
      timeout: asked.timeout_ms,
    },
  });
  await call("POST", "/v1/passkeys", {
    name,
    client_data: text(credential.response.clientDataJSON),
    authenticator_data: text(credential.response.getAuthenticatorData()),
  });
}

function row(one) {
  const list = part("passkeys");
  const line = list.insertRow();
  const day = (at) => (at || "–").slice(0, 10);
  const name = one.suspect ? `${one.name} (${list.dataset.suspect})` : one.name;
  [name, day(one.made_at), day(one.used_at)].forEach((cell) => {
    line.insertCell().textContent = cell;
  });
  const remove = document.createElement("button");
  remove.type = "button";
  remove.textContent = list.dataset.remove;
  remove.setAttribute("aria-label", `${list.dataset.remove}: ${one.name}`);
  remove.addEventListener("click", () => done(() => call("DELETE", `/v1/passkeys/${one.number}`)));
  line.insertCell().append(remove);
}

async function load() {
  const answer = await fetch("/v1/session", { credentials: "same-origin" });
  const session = answer.ok ? await answer.json() : undefined;
  const waits = !session && location.hash === "#second-factor";
  csrf = session ? session.csrf : "";
  part("signed-in").hidden = !session;
  part("second-factor").hidden = !waits;
  part("signed-out").hidden = Boolean(session) || waits;
  if (!session) return;
  part("person").textContent = session.person;
  part("roles").textContent = session.roles.join(", ");
  part("step-up").hidden = session.stepped_up;
  part("passkeys").replaceChildren();
  (await call("GET", "/v1/passkeys")).items.forEach(row);
}

// Does something, then shows what there is now.
async function done(act) {
  show("");
  try {
    await act();
    history.replaceState(null, "", location.pathname + location.search);
    await load();
  } catch (error) {
    show(error.message);
  }
}

document.querySelectorAll("form[data-post]").forEach((form) => {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    done(() => call("POST", form.dataset.post, fields).finally(() => form.reset()));
  });
});
document.querySelectorAll("button[data-passkey]").forEach((button) => {
  button.addEventListener("click", () =>
    done(async () => call("POST", button.dataset.passkey, await usedPasskey())));
});
part("new-passkey").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  done(() => madePasskey(new FormData(form).get("name")).then(() => form.reset()));
});
part("sign-out").addEventListener("click", () => done(() => call("POST", "/v1/sign-out")));
load().catch((error) => show(error.message));
