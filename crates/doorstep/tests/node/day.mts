// A day over the API, by the client that openapi-typescript and openapi-fetch make of
// docs/openapi.json. tsc checks the types: a field that the document does not have fails there.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: {
  argv: string[];
  env: Record<string, string | undefined>;
  exit(code: number): never;
};

type Schemas = components["schemas"];
type Answered = {
  data?: Schemas["CommandAnswer"] | Schemas["ProposedAnswer"];
  error?: Schemas["Problem"];
};

type Settings = { base: string; office: string; hub: string; cookie: string; csrf: string };
const { base, office, hub, cookie, csrf } = JSON.parse(process.env["DAY"] ?? "{}") as Settings;
// Lists are exported as CSV too, to who asks for it.
type Media = "application/json" | "application/problem+json";
const client = (headers: Record<string, string>) =>
  createClient<paths, Media>({ baseUrl: base, headers });
const finance = client({ Authorization: `Bearer ${office}` });
const counter = client({ Authorization: `Bearer ${hub}` });
const second = client({ Cookie: cookie, "Doorstep-Csrf": csrf });

let keys = 0;
const key = () => ({ header: { "Idempotency-Key": `typescript-${process.argv[2]}-${keys++}` } });

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** The answer of a command that was carried out. */
function done(answered: Answered): Schemas["CommandAnswer"] {
  check(answered.error === undefined, answered.error?.detail ?? "");
  const data = answered.data;
  check(data !== undefined && data.outcome === "carried_out", JSON.stringify(data));
  return data;
}

/** The identifier that the first event has. */
function made(answered: Answered, field: string): string {
  const value = done(answered).events?.[0]?.[field];
  check(typeof value === "string", `no ${field}`);
  return value;
}

function sum(numbers: (number | null | undefined)[]): number {
  return numbers.reduce<number>((all, one) => all + (one ?? 0), 0);
}

/** All parcels of the seller, by pages of two. */
async function parcels(): Promise<Schemas["parcels_row"][]> {
  const all: Schemas["parcels_row"][] = [];
  let cursor: string | undefined;
  do {
    const query = { seller: "seller-0", limit: 2, cursor };
    const page = await finance.GET("/v1/parcels", { params: { query } });
    check(page.data !== undefined, page.error?.detail ?? "");
    all.push(...page.data.items);
    cursor = page.data.next ?? undefined;
  } while (cursor !== undefined);
  return all;
}

async function deliver(dues: number[]) {
  const announced: string[] = [];
  for (const [place, due] of dues.entries()) {
    const body = { seller: "seller-0", currency: "CNY", due, reference: `day-${place}` };
    const answer = await finance.POST("/v1/commands/announce-parcel", { params: key(), body });
    announced.push(made(answer, "parcel"));
  }
  const list = announced.map((parcel) => ({ parcel }));
  const firm = "bench-couriers";
  const assign = { firm, parcels: list };
  done(await finance.POST("/v1/commands/assign-parcels", { params: key(), body: assign }));
  const body = { courier: "cou_1", parcels: list };
  done(await finance.POST("/v1/commands/dispatch-parcels", { params: key(), body }));
  const out = (await parcels()).filter((one) => one.state === "out").map((one) => one.parcel);
  check(announced.every((parcel) => out.includes(parcel)), "not all are out");
  return { parcels: announced };
}

async function settle() {
  const started = await finance.POST("/v1/commands/start-hand-over", {
    params: key(),
    body: { courier: "cou_1" },
  });
  const handover = made(started, "handover");
  const { code, events } = done(started);
  const cash = events?.[0]?.["expected"];
  check(code !== undefined && typeof cash === "number", "no code");
  const count = { handover, counted: cash, code };
  done(await counter.POST("/v1/commands/count-hand-over", { params: key(), body: count }));
  const announce = { firm: "bench-couriers", amount: cash, bank: "bank_1" };
  const deposit = made(
    await counter.POST("/v1/commands/announce-deposit", { params: key(), body: announce }),
    "deposit",
  );
  const confirm = { deposit, credited: cash };
  done(await finance.POST("/v1/commands/confirm-deposit", { params: key(), body: confirm }));
  const cycle = { cycle: "Daily", currency: "CNY" } as const;
  const plan = made(
    await finance.POST("/v1/commands/plan-settlement", { params: key(), body: cycle }),
    "plan",
  );
  // Who planned does not approve, by a key or otherwise.
  const approve = "/v1/commands/approve-settlement";
  const own = await finance.POST(approve, { params: key(), body: { plan } });
  check(own.error !== undefined && own.response.status === 403, "approved by the planner");
  done(await second.POST(approve, { params: key(), body: { plan } }));
  const execute = { plan, bank: "bank_1" };
  done(await finance.POST("/v1/commands/execute-settlement", { params: key(), body: execute }));
  const sent = await finance.GET("/v1/payouts", { params: { query: { plan } } });
  const payouts = sent.data?.items ?? [];
  for (const { payout } of payouts) {
    check(payout !== undefined, "a payout without an identifier");
    done(await finance.POST("/v1/commands/confirm-payout", { params: key(), body: { payout } }));
  }
  const statement = await finance.GET("/v1/now/statements/{seller}", {
    params: { path: { seller: "seller-0" } },
  });
  check(statement.data !== undefined, statement.error?.detail ?? "");
  const listed = await parcels();
  const query = { plan, state: "confirmed" } as const;
  const paid = await finance.GET("/v1/payouts", { params: { query } });
  return {
    cash,
    due: sum(listed.map((one) => one.due)),
    collected: sum(listed.map((one) => one.collected)),
    stated: sum(statement.data.sums.map((one) => one.collected)),
    payable: sum(statement.data.accounts.map((one) => one.payable)),
    paid: sum((paid.data?.items ?? []).map((one) => one.net)),
  };
}

const stage = process.argv[2];
const work = stage === "settle" ? settle() : deliver(process.argv.slice(3).map(Number));
work.then(
  (answer) => console.log(JSON.stringify(answer)),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
