//! Programs of others read the OpenAPI document: a linter, generators of clients whose clients run
//! a day, and a fuzzer. `./test` installs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::ground::MERCHANT;
use super::independent::python;
use super::support::{Bed, Ran};
use super::web::{ANN_WITH_BO, Served, in_hours, issue, secret, served, served_with};
use super::web_sessions::{Browser, Signer};

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
/// What three buyers pay, in minor units.
const DUES: [u64; 3] = [12_850, 7_600, 2_300];

/// The directory with the packages from npm.
fn packages() -> PathBuf {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/node");
    let there = packages.join("node_modules").exists();
    assert!(there, "{} has no packages: run ./test, which installs them", packages.display());
    packages
}

/// A program of a package, without requests to anybody else.
fn node(bed: &Bed, program: &str) -> Command {
    let mut node = bed.command("node");
    node.arg(packages().join("node_modules/.bin").join(program));
    node.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    node
}

/// A directory for generated code, emptied.
fn emptied(directory: PathBuf) -> PathBuf {
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn the_linter_finds_nothing_in_the_document() {
    let bed = Bed::new();
    let lint = |file: &Path| {
        let mut lint = node(&bed, "redocly");
        lint.args(["lint", "--config", &format!("{TESTS}/node/redocly.yaml")]).arg(file);
        Ran::of(&mut lint)
    };
    lint(Path::new(DOCUMENT)).succeeds();
    // It finds a link to nowhere, an example that does not fit, and an operation without a name.
    let sound: Value = serde_json::from_str(&fs::read_to_string(DOCUMENT).unwrap()).unwrap();
    let post = "/paths/~1v1~1commands~1register-bank/post";
    let mut broken = sound;
    let reference = "/components/responses/Problem/content/application~1problem+json/schema/$ref";
    *broken.pointer_mut(reference).unwrap() = "#/components/schemas/None".into();
    let example = format!("{post}/requestBody/content/application~1json/example/reference");
    *broken.pointer_mut(&example).unwrap() = json!(7);
    broken.pointer_mut(post).unwrap().as_object_mut().unwrap().remove("operationId");
    bed.write("broken.json", broken.to_string());
    let ran = lint(&bed.path("broken.json")).ends_with(1);
    let found = format!("{}{}", ran.stdout(), ran.stderr());
    for rule in ["no-unresolved-refs", "no-invalid-media-type-examples", "operation-operationId"] {
        assert!(found.contains(rule), "{rule} is not in {found}");
    }
}

/// A server for a generated client: keys of two persons, and the session of a third.
struct Day {
    served: Served,
    settings: Value,
}

impl Day {
    fn new() -> Day {
        let served = served_with(super::web::VIEWS, |bed| {
            let until = in_hours(1);
            for line in
                ["setup person 3", "user grant 3 --grant Operator", "user grant 3 --grant Hub"]
            {
                bed.run(&format!("{line} {ANN_WITH_BO} --data door/books")).succeeds();
            }
            issue(
                bed,
                &format!("Operator,Hub --key 8 --until {until} --person-id 3 {ANN_WITH_BO}"),
            );
        });
        let hub = secret(&served.bed, 8);
        let [_, bo] = Signer::both(&served);
        let session = Browser::begun(bo.sets_password(&served, &[])).stepped_up(&served, &bo);
        let value = |header: &str| header.split_once(": ").unwrap().1.to_owned();
        let settings = json!({
            "base": format!("http://{}", served.address),
            "office": served.key,
            "hub": hub,
            "cookie": value(&session.cookie),
            "csrf": value(&session.csrf),
        });
        Day { served, settings }
    }

    /// One stage of the day, by a generated client.
    fn runs(&self, client: &mut Command) -> Value {
        Ran::of(client.env("DAY", self.settings.to_string())).succeeds().json()
    }

    /// The buyers pay in cash at the first terminal.
    fn pays(&self, delivered: &Value) {
        let Served { bed, terminals, .. } = &self.served;
        let parcels = delivered["parcels"].as_array().unwrap().iter();
        let waybill = |parcel: &Value| {
            let bits = u128::from_str_radix(&parcel.as_str().unwrap()[4..], 16).unwrap();
            format!("cash {}", peers::format_waybill(bits))
        };
        let script: Vec<String> = parcels.map(waybill).collect();
        bed.write("script", script.join("\n") + "\nsettle\nquit");
        let line = format!(
            "terminal --connect {terminals} --number 1 --merchant {MERCHANT} --lang en \
             --base-key-file door/base.key --last-stan 500 --script script"
        );
        bed.run(&line).succeeds().prints("agreed ");
    }

    /// Both stages, by a generated client.
    fn run_day(self, client: impl Fn(&Bed, &str) -> Command) {
        let bed = &self.served.bed;
        let delivered = self.runs(client(bed, "deliver").args(DUES.map(|due| due.to_string())));
        self.pays(&delivered);
        let read = self.runs(&mut client(bed, "settle"));
        self.ends(&read);
    }

    /// What the client has read, beside what the buyers paid and the command line says.
    fn ends(self, read: &Value) {
        let Served { bed, engine, .. } = self.served;
        let paid: u64 = DUES.iter().sum();
        for name in ["cash", "due", "collected", "stated"] {
            assert_eq!(read[name], paid, "{name}: {read}");
        }
        assert_eq!(read["payable"], 0, "{read}");
        engine.stop();
        let payout = bed.run("explain payout 1 --data door/books --json").succeeds().json();
        assert_eq!((&payout["gross"], &payout["net"]), (&json!(paid), &read["paid"]), "{payout}");
        // The trial's tariff takes a fee of each parcel.
        assert!(read["paid"].as_u64().unwrap() < paid, "{read}");
        bed.verified("door/books");
    }
}

#[test]
fn a_generated_client_in_typescript_runs_a_day() {
    let day = Day::new();
    let bed = &day.served.bed;
    let generated = emptied(packages().join("generated"));
    let mut types = node(bed, "openapi-typescript");
    Ran::of_long(types.args([DOCUMENT, "-o"]).arg(generated.join("api.d.ts"))).succeeds();
    for file in ["day.mts", "tsconfig.json"] {
        fs::copy(format!("{TESTS}/node/{file}"), generated.join(file)).unwrap();
    }
    Ran::of_long(node(bed, "tsc").arg("-p").arg(&generated)).succeeds();
    let client = |bed: &Bed, stage: &str| {
        let mut client = bed.command("node");
        client.arg(generated.join("day.mjs")).arg(stage);
        client
    };
    day.run_day(client);
}

#[test]
fn a_generated_client_in_python_runs_a_day() {
    let day = Day::new();
    let bed = &day.served.bed;
    let generated = emptied(python().parent().unwrap().parent().unwrap().join("generated"));
    let mut generator = bed.command(python().to_str().unwrap());
    generator.args([
        "-m",
        "openapi_python_client",
        "generate",
        "--meta",
        "none",
        "--path",
        DOCUMENT,
    ]);
    generator.args(["--config", &format!("{TESTS}/python/api/client.yaml"), "--output-path"]);
    let made = Ran::of_long(generator.arg(generated.join("doorstep_client"))).succeeds();
    // It warns of what it leaves out.
    assert!(!made.words().to_lowercase().contains("warning"), "{made}");
    let client = |bed: &Bed, stage: &str| {
        let mut client = bed.command(python().to_str().unwrap());
        client.env("PYTHONPATH", &generated);
        client.args(["-B", &format!("{TESTS}/python/api/day.py"), stage]);
        client
    };
    day.run_day(client);
}

/// Schemathesis reads the document by itself and tries each operation, with all of its checks: at
/// random (fuzzing), and along the links (stateful).
/// `DOORSTEP_FUZZ_SECONDS=600` gives it ten minutes and a seed of its own.
#[test]
fn an_independent_client_finds_nothing_against_the_document() {
    let served = served();
    let long = std::env::var("DOORSTEP_FUZZ_SECONDS").ok();
    let seconds: u64 = long.as_deref().map_or(100, |text| text.parse().unwrap());
    for (phase, part) in [("coverage", 4), ("fuzzing", 4), ("stateful", 2)] {
        let mut client = served.bed.command(python().to_str().unwrap());
        client.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", format!("{TESTS}/python/api"));
        // Its script names the interpreter of the place in which it was installed.
        client.args(["-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"]);
        client.arg(format!("http://{}/openapi.json", served.address));
        client.args(["--header", &format!("Authorization: Bearer {}", served.key)]);
        // A file is what `take` takes: any bytes are refused as one.
        client.args(["--exclude-path-regex", "^/v1/(files|pictures)", "--phases", phase]);
        client.args(["--checks", "all", "--continue-on-failure"]);
        client.args(["--max-time", &(seconds * part / 10).to_string()]);
        if long.is_none() {
            // The same requests in each run, as far as the time goes.
            client.args(["--max-examples", "3", "--seed", "1", "--generation-deterministic"]);
        }
        let ran = Ran::of_long(&mut client).succeeds();
        assert!(ran.stdout().contains("✅") && !ran.stdout().contains('❌'), "{ran}");
    }
    served.engine.stop();
    served.bed.verified("door/books");
}
