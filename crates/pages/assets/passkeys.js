// Passkeys on the pages of sign-ins: asks the browser for one, and sends its answer to the API,
// which decides. Without this script the pages take passwords and codes.
(() => {
  "use strict";
  const problem = document.getElementById("problem");
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  // A refusal is thrown with its words, which are in the language of the page.
  const call = async (path, fields) => {
    const headers = { "Accept": "application/json", "Content-Type": "application/json" };
    headers["Accept-Language"] = document.documentElement.lang;
    const csrf = document.querySelector("input[name=csrf]");
    if (csrf) headers["Doorstep-Csrf"] = csrf.value;
    const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(fields) });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.detail);
    return said;
  };

  const used = async () => {
    const asked = await call("/v1/passkey-challenges", {});
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
  };

  const made = async (name) => {
    const asked = await call("/v1/new-passkeys", {});
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
    await call("/v1/passkeys", {
      name,
      client_data: text(credential.response.clientDataJSON),
      authenticator_data: text(credential.response.getAuthenticatorData()),
    });
  };

  const done = async (act, next) => {
    problem.hidden = true;
    try {
      await act();
      location.assign(next);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  };

  if (!window.PublicKeyCredential) return;
  for (const button of document.querySelectorAll("button[data-passkey]")) {
    button.hidden = false;
    const { passkey, next } = button.dataset;
    button.addEventListener("click", () => done(async () => call(passkey, await used()), next));
  }
  const form = document.getElementById("new-passkey");
  if (!form) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    done(() => made(form.elements.name.value), "/access");
  });
})();
