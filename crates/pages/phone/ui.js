// Elements, words and amounts. Everything is made of elements: no text becomes markup.

let words = {};
let place = 0;

const cookie = (name) => document.cookie.split("; ")
  .find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);

export const language = () => document.documentElement.lang === "zh-CN" ? "zh" : "en";

export const prefer = async (name, value) => {
  document.cookie = `doorstep-${name}=${value}; Path=/; SameSite=Lax; Max-Age=34560000`;
  await settle();
};

// The language and the colours of the cookies, or of the device.
export const settle = async () => {
  const wanted = cookie("doorstep-language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
  document.documentElement.lang = wanted === "zh" ? "zh-CN" : "en";
  document.documentElement.dataset.theme = cookie("doorstep-theme") ?? "auto";
  words = await (await fetch(`/phone/words.${language()}.json`)).json();
};

export const t = (key, values = {}) => (words[key] ?? "").replace(
  /\{(\w+)\}/g,
  (_, name) => String(values[name] ?? ""),
);

// h("p.note", {id: "a"}, "text", element)
export const h = (what, ...parts) => {
  const [tag, ...classes] = what.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const part of parts.flat(3)) {
    if (part === null || part === undefined || part === false) continue;
    if (part instanceof Node || typeof part === "string") {
      made.append(part);
      continue;
    }
    for (const [name, value] of Object.entries(part)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (name === "value") made.value = value;
      else made.setAttribute(name, value === true ? "" : value);
    }
  }
  return made;
};

export const say = (text) => {
  document.getElementById("said").textContent = text;
};

// Minor units as people write them, and back. Null if it is no amount.
export const money = (minor, exponent) => {
  const digits = String(Math.abs(minor)).padStart(exponent + 1, "0");
  const whole = digits.slice(0, digits.length - exponent);
  const rest = exponent ? `.${digits.slice(-exponent)}` : "";
  return (minor < 0 ? "\u2212" : "") + whole.replace(/\B(?=(\d{3})+$)/g, ",") + rest;
};

export const minorUnits = (text, exponent) => {
  const plain = text.trim().replaceAll(",", "").replace("\u3002", ".");
  const found = /^(\d{1,12})(?:\.(\d*))?$/.exec(plain);
  if (!found || (found[2] ?? "").length > exponent) return null;
  return Number(found[1] + (found[2] ?? "").padEnd(exponent, "0"));
};

export const clock = (ms) => new Date(ms).toLocaleTimeString(
  document.documentElement.lang,
  { hour: "2-digit", minute: "2-digit" },
);

export const HOLD_MS = 600;

// A button that acts after it was held down, by touch or by keyboard. Other tools, which only
// press, press twice.
export const holdButton = (text, act) => {
  let timer = null;
  let pressed = false;
  const end = () => {
    clearTimeout(timer);
    timer = null;
    button.classList.remove("holding");
  };
  const begin = () => {
    if (timer !== null || button.disabled) return;
    button.classList.add("holding");
    timer = setTimeout(() => {
      end();
      button.disabled = true;
      act(button);
    }, HOLD_MS);
  };
  const isKey = (event) => event.key === "Enter" || event.key === " ";
  const button = h("button.primary.hold", {
    type: "button",
    "aria-describedby": "hold-hint",
    onpointerdown: (event) => event.button === 0 && begin(),
    onpointerup: end,
    onpointerleave: end,
    onpointercancel: end,
    oncontextmenu: (event) => event.preventDefault(),
    onkeydown: (event) => {
      if (!isKey(event)) return;
      event.preventDefault();
      begin();
    },
    onkeyup: (event) => {
      if (!isKey(event)) return;
      event.preventDefault();
      end();
    },
    onblur: end,
    onclick: (event) => {
      if (event.detail !== 0 || button.disabled) return say(t("hold.hint"));
      if (pressed) {
        button.disabled = true;
        return act(button);
      }
      pressed = true;
      return say(t("hold.again"));
    },
  }, h("span", text));
  return [button, h("p.hint", { id: "hold-hint" }, t("hold.hint"))];
};

// A choice of one, as large targets.
export const choice = (legend, name, options, chosen) => h(
  "fieldset.choice",
  h("legend", legend),
  options.map(([value, text]) => {
    const id = `${name}-${place += 1}`;
    const checked = value === chosen;
    return [
      h("input", { type: "radio", name, value, id, checked }),
      h("label", { for: id }, text),
    ];
  }),
);

// A QR code as a drawing.
export const qrCode = async (text, label) => {
  const { encodeQR } = await import("./qr/index.js");
  const rows = encodeQR(text, "raw", { border: 4 });
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", `0 0 ${rows.length} ${rows.length}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const path = document.createElementNS(namespace, "path");
  const dark = rows.flatMap((row, y) => row.map((is, x) => is ? `M${x} ${y}h1v1h-1z` : ""));
  path.setAttribute("d", dark.join(""));
  svg.append(path);
  return svg;
};
