//! Checks of manifests: uses between crates, versions, the lock file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::complaint;

/// Which crate may use which: a row for each crate, `name | uses | its tests also use`.
///
/// A crate uses only crates of earlier rows, so there are no cycles.
#[derive(Debug)]
pub struct DependencyMap<'t> {
    rows: Vec<DependencyRow<'t>>,
}

#[derive(Debug)]
struct DependencyRow<'t> {
    name: &'t str,
    uses: Vec<&'t str>,
    tests_use: Vec<&'t str>,
}

impl<'t> DependencyMap<'t> {
    /// Parses the table; its first row is the heading.
    ///
    /// # Panics
    /// If a row does not have three columns, or uses a crate without an earlier row.
    #[must_use]
    pub fn parse(table: &'t str) -> DependencyMap<'t> {
        let mut map = DependencyMap { rows: Vec::new() };
        let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
        for line in lines.skip(1) {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            let [name, uses, tests_use] = columns[..] else {
                panic!("`{line}`: a row of the map is `name | uses | its tests also use`");
            };
            let [uses, tests_use] = [uses, tests_use].map(|names| names.split(' ').collect());
            let mut row = DependencyRow { name, uses, tests_use };
            for used in [&mut row.uses, &mut row.tests_use] {
                used.retain(|name| !name.is_empty());
                if let Some(unknown) = used.iter().find(|name| !map.has(name)) {
                    panic!("`{name}` uses `{unknown}`, which has no earlier row; reorder the rows");
                }
            }
            map.rows.push(row);
        }
        map
    }

    /// Finds crates without a row and rows without a crate.
    #[must_use]
    pub fn check_rows(&self, path: &str, crates: &[&str]) -> Vec<String> {
        let unmapped = crates.iter().filter(|name| !self.has(name)).map(|name| {
            complaint(path, 1, &format!("the crate `{name}` is not in the map; give it a row"))
        });
        let vanished = self.rows.iter().filter(|row| !crates.contains(&row.name)).map(|row| {
            let what = format!("the row `{}` of the map has no crate; remove the row", row.name);
            complaint(path, 1, &what)
        });
        unmapped.chain(vanished).collect()
    }

    /// Finds dependencies of the crate `name` that the map does not allow.
    #[must_use]
    pub fn forbidden_uses(&self, path: &str, name: &str, manifest: &str) -> Vec<String> {
        let Some(row) = self.rows.iter().find(|row| row.name == name) else {
            return Vec::new();
        };
        let mut complaints = Vec::new();
        for dependency in dependencies(manifest) {
            let used = dependency.package;
            let drawn =
                row.uses.contains(&used) || dependency.for_tests && row.tests_use.contains(&used);
            if self.has(used) && !drawn {
                let who = if dependency.for_tests { "tests of " } else { "" };
                let what = format!(
                    "{who}`{name}` must not use `{used}`; move the code, or change the map and \
                     say why in docs/decisions"
                );
                complaints.push(complaint(path, dependency.line, &what));
            }
        }
        complaints
    }

    fn has(&self, name: &str) -> bool {
        self.rows.iter().any(|row| row.name == name)
    }
}

/// Finds dependencies whose version is not in the root manifest.
#[must_use]
pub fn local_versions(path: &str, manifest: &str) -> Vec<String> {
    dependencies(manifest)
        .into_iter()
        .filter(|dependency| !dependency.from_workspace)
        .map(|dependency| {
            let name = dependency.package;
            let what = format!(
                "write `{name}.workspace = true`, and the version in [workspace.dependencies]"
            );
            complaint(path, dependency.line, &what)
        })
        .collect()
}

/// Checks that only the crates of `allowed` use `tracing` and its companions, and that they do.
#[must_use]
pub fn log_users(path: &str, name: &str, manifest: &str, allowed: &[&str]) -> Vec<String> {
    let mut uses = dependencies(manifest);
    uses.retain(|used| used.package.split('-').next() == Some("tracing"));
    if !allowed.contains(&name) {
        let complaints = uses.iter().map(|used| {
            let what = format!(
                "`{name}` must not use `{}`; return what happened, and let {} log it",
                used.package,
                allowed.join(" or ")
            );
            complaint(path, used.line, &what)
        });
        return complaints.collect();
    }
    if uses.is_empty() {
        let what = format!("`{name}` does not use `tracing`; remove it from those that may log");
        return vec![complaint(path, 1, &what)];
    }
    Vec::new()
}

/// Checks that a crate is named as its directory, has the workspace's lints and no binary.
#[must_use]
pub fn crate_manifest(path: &str, directory: &str, manifest: &str) -> Vec<String> {
    let root = parse(manifest);
    let mut complaints = Vec::new();
    if at(&root, &["package", "name"]).and_then(DeValue::as_str) != Some(directory) {
        let what = format!("the package is not named as its directory; name it `{directory}`");
        complaints.push(complaint(path, 1, &what));
    }
    let has_lints = at(&root, &["lints", "workspace"]).and_then(DeValue::as_bool) == Some(true);
    if !has_lints && directory != UNSAFE {
        let what = "no lints; add `[lints]` with `workspace = true`";
        complaints.push(complaint(path, 1, what));
    }
    if directory != BINARY && root.contains_key("bin") {
        complaints.push(complaint(path, 1, &second_binary()));
    }
    complaints
}

/// The only crate with unsafe code, and so with lints of its own.
pub const UNSAFE: &str = "wiping";

/// The only crate with a binary.
pub const BINARY: &str = "doorstep";

/// Finds sources of a binary in a crate other than [`BINARY`].
#[must_use]
pub fn binaries(paths: &[&str]) -> Vec<String> {
    let makes_binary = |path: &str| {
        let mut parts = path.split('/');
        parts.next() == Some("crates")
            && parts.next() != Some(BINARY)
            && parts.next() == Some("src")
            && matches!(parts.next(), Some("main.rs" | "bin"))
    };
    let sources = paths.iter().filter(|path| makes_binary(path));
    sources.map(|path| complaint(path, 1, &second_binary())).collect()
}

fn second_binary() -> String {
    format!("a second program; make it a command of `{BINARY}`")
}

/// Checks that the root manifest forbids unsafe code and has no aliases of crates.
#[must_use]
pub fn root_manifest(path: &str, manifest: &str) -> Vec<String> {
    let root = parse(manifest);
    let mut complaints = Vec::new();
    let unsafe_code = at(&root, &["workspace", "lints", "rust", "unsafe_code"]);
    let level = unsafe_code.and_then(|value| {
        value.as_str().or_else(|| value.get("level").and_then(|level| level.get_ref().as_str()))
    });
    if level != Some("forbid") {
        let what = "unsafe code is not forbidden; write `unsafe_code = \"forbid\"` in \
                    [workspace.lints.rust]";
        complaints.push(complaint(path, 1, what));
    }
    let table = at(&root, &["workspace", "dependencies"]).and_then(DeValue::as_table);
    for (key, value) in table.into_iter().flatten() {
        let name = key.get_ref();
        let directory = value.get_ref().get("path").and_then(|path| path.get_ref().as_str());
        let renamed = value.get_ref().get("package").is_some();
        if renamed || directory.is_some_and(|path| path != format!("crates/{name}")) {
            let what = format!("`{name}` is an alias; use the crate's own name");
            complaints.push(complaint(path, line_at(manifest, &key.span()), &what));
        }
    }
    complaints
}

/// The third-party crates in `[workspace.dependencies]`.
#[must_use]
pub fn third_party(manifest: &str) -> BTreeSet<String> {
    let root = parse(manifest);
    let table = at(&root, &["workspace", "dependencies"]).and_then(DeValue::as_table);
    let entries = table.into_iter().flatten();
    entries
        .filter(|(_, value)| value.get_ref().get("path").is_none())
        .map(|(key, _)| key.get_ref().to_string())
        .collect()
}

/// Finds crates locked in two versions, except those in `allowed` (name, reason).
#[must_use]
pub fn duplicates(path: &str, lock: &str, allowed: &[(&str, &str)]) -> Vec<String> {
    let root = parse(lock);
    let mut versions: BTreeMap<&str, Vec<(&str, usize)>> = BTreeMap::new();
    for package in
        root.get("package").and_then(|list| list.get_ref().as_array()).into_iter().flatten()
    {
        let field = |name| package.get_ref().get(name).and_then(|value| value.get_ref().as_str());
        if let (Some(name), Some(version)) = (field("name"), field("version")) {
            let line = line_at(lock, &package.span());
            versions.entry(name).or_default().push((version, line));
        }
    }
    let is_allowed = |name: &str| allowed.iter().any(|(allowed, _)| *allowed == name);
    let twice = |name: &str| versions.get(name).is_some_and(|found| found.len() > 1);
    let mut complaints = Vec::new();
    for (name, found) in versions.iter().filter(|(name, _)| twice(name) && !is_allowed(name)) {
        let numbers: Vec<&str> = found.iter().map(|(version, _)| *version).collect();
        let what = format!(
            "`{name}` is locked in {}; find the users with `cargo tree -d --target all` and unify \
             them, or allow it with a reason",
            numbers.join(" and ")
        );
        complaints.push(complaint(path, found[1].1, &what));
    }
    for (name, reason) in allowed.iter().filter(|(name, _)| !twice(name)) {
        let what = format!("`{name}` ({reason}) is locked once; remove it from the exceptions");
        complaints.push(complaint(path, 1, &what));
    }
    complaints
}

struct Dependency<'t> {
    package: &'t str,
    line: usize,
    for_tests: bool,
    from_workspace: bool,
}

fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let root = parse(manifest);
    let targets = root.get("target").and_then(|target| target.get_ref().as_table());
    let per_target =
        targets.into_iter().flatten().filter_map(|(_, table)| table.get_ref().as_table());
    let mut found = Vec::new();
    for table in [&root].into_iter().chain(per_target) {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let entries = table.get(kind).and_then(|entries| entries.get_ref().as_table());
            for (key, value) in entries.into_iter().flatten() {
                let value = value.get_ref();
                found.push(Dependency {
                    package: &manifest[key.span()],
                    line: line_at(manifest, &key.span()),
                    for_tests: kind == "dev-dependencies",
                    from_workspace: value
                        .get("workspace")
                        .is_some_and(|workspace| workspace.get_ref().as_bool() == Some(true)),
                });
            }
        }
    }
    found
}

fn parse(text: &str) -> DeTable<'_> {
    match DeTable::parse(text) {
        Ok(root) => root.into_inner(),
        Err(error) => panic!("not TOML: {error}"),
    }
}

fn at<'v, 't>(root: &'v DeTable<'t>, keys: &[&str]) -> Option<&'v DeValue<'t>> {
    let (first, rest) = keys.split_first()?;
    let mut value = root.get(*first)?.get_ref();
    for key in rest {
        value = value.get(*key)?.get_ref();
    }
    Some(value)
}

fn line_at(text: &str, span: &Range<usize>) -> usize {
    text[..span.start].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "
        crate  | uses         | its tests also use
        money  |              |
        ledger | money        |
        engine | money ledger |
        node   | engine       | ledger
    ";

    fn map() -> DependencyMap<'static> {
        DependencyMap::parse(MAP)
    }

    #[test]
    fn a_use_that_the_map_does_not_allow_is_reported() {
        let manifest = "[package]\n[dependencies]\nmoney.workspace = true\n\
                        engine = { workspace = true }\nserde.workspace = true\n";
        let found = map().forbidden_uses("ledger.toml", "ledger", manifest);
        let said = "ledger.toml:4: `ledger` must not use `engine`; move the code, or change the \
                    map and say why in docs/decisions";
        assert_eq!(found, [said]);
    }

    #[test]
    fn tests_may_use_more_and_every_table_is_checked() {
        let arrow = |table: &str, name: &str| {
            let manifest = format!("[{table}]\n{name}.workspace = true\n");
            map().forbidden_uses("m", "node", &manifest).len()
        };
        assert_eq!(arrow("dev-dependencies", "ledger"), 0);
        assert_eq!(arrow("dev-dependencies", "money"), 1);
        assert_eq!(arrow("dependencies", "ledger"), 1);
        assert_eq!(arrow("build-dependencies", "ledger"), 1);
        assert_eq!(arrow("target.'cfg(unix)'.dependencies", "ledger"), 1);
    }

    #[test]
    fn the_map_and_the_crates_are_the_same_set() {
        let found = map().check_rows("map.rs", &["money", "ledger", "engine", "switch"]);
        assert_eq!(
            found,
            [
                "map.rs:1: the crate `switch` is not in the map; give it a row",
                "map.rs:1: the row `node` of the map has no crate; remove the row",
            ]
        );
    }

    #[test]
    #[should_panic(expected = "`money` uses `ledger`, which has no earlier row")]
    fn a_use_of_a_later_row_panics() {
        let _ = DependencyMap::parse("crate | uses | tests\nmoney | ledger |\nledger | |");
    }

    #[test]
    fn a_version_outside_the_root_is_reported() {
        let manifest = "[dependencies]\nborsh.workspace = true\ncsv = \"1\"\n[dev-dependencies]\n\
                        toml = { version = \"1\" }\n";
        let found = local_versions("m", manifest);
        assert_eq!(
            found,
            [
                "m:3: write `csv.workspace = true`, and the version in [workspace.dependencies]",
                "m:5: write `toml.workspace = true`, and the version in [workspace.dependencies]",
            ]
        );
    }

    #[test]
    fn a_crate_that_may_not_log_and_does_is_reported() {
        let check = |name, manifest| log_users("m", name, manifest, &["host", "doorstep"]);
        let logs = "[dependencies]\nserde.workspace = true\ntracing.workspace = true\n";
        let said = "m:3: `books` must not use `tracing`; return what happened, and let host or \
                    doorstep log it";
        assert_eq!(check("books", logs), [said]);
        let tests_log = "[dev-dependencies]\ntracing-subscriber.workspace = true\n";
        assert_eq!(check("books", tests_log).len(), 1);
        assert!(check("host", logs).is_empty());
        assert!(check("books", "[dependencies]\nserde.workspace = true\n").is_empty());
        assert_eq!(
            check("host", ""),
            ["m:1: `host` does not use `tracing`; remove it from those that may log"]
        );
    }

    #[test]
    fn a_crate_has_the_name_of_its_directory_the_lints_and_no_binary() {
        let good = "[package]\nname = \"money\"\n[lints]\nworkspace = true\n";
        assert!(crate_manifest("m", "money", good).is_empty());
        assert_eq!(crate_manifest("m", "ledger", good).len(), 1);
        assert_eq!(
            crate_manifest("m", "money", "[package]\nname = \"money\"\n"),
            ["m:1: no lints; add `[lints]` with `workspace = true`"]
        );
        assert!(crate_manifest("m", UNSAFE, "[package]\nname = \"wiping\"\n").is_empty());
        let binary = format!("{good}[[bin]]\nname = \"x\"\n");
        assert_eq!(crate_manifest("m", "money", &binary).len(), 1);
        let sources = ["crates/doorstep/src/main.rs", "crates/money/src/bin/x.rs", "a/src/main.rs"];
        assert_eq!(
            binaries(&sources),
            ["crates/money/src/bin/x.rs:1: a second program; make it a command of `doorstep`"]
        );
    }

    #[test]
    fn unsafe_code_is_forbidden_at_the_root_and_nothing_has_an_alias() {
        let good = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n[workspace.dependencies]\n\
                    money = { path = \"crates/money\" }\n";
        assert!(root_manifest("m", good).is_empty());
        assert_eq!(root_manifest("m", &good.replace("forbid", "deny")).len(), 1);
        assert_eq!(
            root_manifest("m", &good.replace("money =", "cash =")),
            ["m:4: `cash` is an alias; use the crate's own name"]
        );
        let long = good.replace("\"forbid\"", "{ level = \"forbid\", priority = 1 }");
        assert!(root_manifest("m", &long).is_empty());
    }

    #[test]
    fn two_versions_of_a_crate_are_reported() {
        let lock = "[[package]]\nname = \"syn\"\nversion = \"2.0.1\"\n\n\
                    [[package]]\nname = \"syn\"\nversion = \"3.0.1\"\n";
        assert_eq!(
            duplicates("Cargo.lock", lock, &[]),
            ["Cargo.lock:5: `syn` is locked in 2.0.1 and 3.0.1; find the users with `cargo tree \
             -d --target all` and unify them, or allow it with a reason"]
        );
        assert!(duplicates("Cargo.lock", lock, &[("syn", "two macro generations")]).is_empty());
        assert_eq!(duplicates("Cargo.lock", "", &[("syn", "two macro generations")]).len(), 1);
    }

    #[test]
    fn third_party_crates_are_those_without_a_path() {
        let manifest = "[workspace.dependencies]\ncsv = \"1\"\nmoney = { path = \"m\" }\n";
        assert_eq!(third_party(manifest), BTreeSet::from(["csv".to_owned()]));
    }
}
