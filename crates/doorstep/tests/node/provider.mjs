// An OpenID provider (oidc-provider) with one client, and the person who signs in there. It prints
// its issuer, then listens for:
//   /set?JSON     who signs in (subject), what is changed in the next ID tokens (claims, header,
//                 signed: own, other, hmac, none), keys (new ones)
//   /client?URL   where its client may return to
//   /goes?URL     a browser goes there, signs in, and is told where it is sent back to
//
//     node provider.mjs
import { createServer } from "node:http";
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(process.argv[2] + "/"));
const load = async (name) => import(pathToFileURL(require.resolve(name)));
const { default: Provider } = await load("oidc-provider");
const { exportJWK, generateKeyPair } = await load("jose");

const SECRET = "a secret of the client: 50% & more";
let set = { subject: "ann-1" };
let key, other, provider, redirect;

async function keyPair(alg, kid) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg, use: "sig" };
}

async function changed(token) {
  const [header, claims] = token.split(".", 2).map((part) =>
    JSON.parse(Buffer.from(part, "base64url")));
  Object.assign(header, set.header);
  Object.assign(claims, set.claims);
  for (const name of set.without ?? []) delete claims[name];
  const parts = [header, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  switch (set.signed) {
    case "none": return parts + ".";
    // The public key as a secret that everybody knows.
    case "hmac": return parts + "." + createHmac("sha256", key.n).update(parts).digest("base64url");
    case "kept": return parts + "." + token.split(".")[2];
    default: {
      const { createPrivateKey, sign } = await import("node:crypto");
      const signer = createPrivateKey({ key: set.signed === "other" ? other : key, format: "jwk" });
      const by = { key: signer, dsaEncoding: "ieee-p1363" };
      return parts + "." + sign("sha256", Buffer.from(parts), by).toString("base64url");
    }
  }
}

function begin(issuer) {
  provider = new Provider(issuer, {
    clients: [{
      client_id: "doorstep", client_secret: SECRET, redirect_uris: [redirect],
      grant_types: ["authorization_code"], response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
      id_token_signed_response_alg: key.alg,
    }],
    jwks: { keys: [key] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    cookies: { keys: ["of this test only"] },
  });
  provider.on("server_error", (_, error) => console.error(error));
  provider.use(async (context, next) => {
    await next();
    if (context.path === "/token" && context.body?.id_token) {
      context.body.id_token = await changed(context.body.id_token);
    }
  });
}

async function interaction(request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    const login = { accountId: set.subject };
    return provider.interactionFinished(request, response, { login });
  }
  const grant = new provider.Grant({ accountId: set.subject, clientId: params.client_id });
  grant.addOIDCScope("openid");
  const grantId = await grant.save();
  return provider.interactionFinished(request, response, { consent: { grantId } });
}

// Follows redirects until they leave the provider.
async function goes(issuer, url) {
  const jar = new Map();
  for (let turn = 0; turn < 10; turn += 1) {
    if (!url.startsWith(issuer + "/")) return url;
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      jar.set(name, value);
    }
    const next = answer.headers.get("location");
    if (!next) return `it stays: ${answer.status} ${await answer.text()}`;
    url = new URL(next, url).href;
  }
  return "it goes in circles";
}

const server = createServer(async (request, response) => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const { pathname, search } = new URL(request.url, issuer);
  const given = decodeURIComponent(search.slice(1));
  try {
    switch (pathname) {
      case "/set":
        set = { subject: "ann-1", ...JSON.parse(given) };
        if (set.keys) {
          [key, other] = [await keyPair(set.keys, "new-" + set.keys), await keyPair(set.keys, "x")];
          begin(issuer);
        }
        return response.end("set");
      case "/client":
        redirect = given;
        begin(issuer);
        return response.end("set");
      case "/goes":
        return response.end(await goes(issuer, given));
      default:
        if (pathname.startsWith("/interaction/")) return await interaction(request, response);
        return provider.callback()(request, response);
    }
  } catch (error) {
    response.statusCode = 500;
    return response.end(String(error.stack));
  }
});
[key, other] = [await keyPair("RS256", "first"), await keyPair("RS256", "x")];
server.listen(0, "127.0.0.1", () => console.log(`issuer http://127.0.0.1:${server.address().port}`));
