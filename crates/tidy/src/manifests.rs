//! The manifests: who uses whom, where versions stand, what is locked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::complaint;

/// Who may use whom: a row for each crate, `name | uses | its tests also use`.
///
/// A crate uses only crates of the rows above its own, so the arrows cannot make a circle.
#[derive(Debug)]
pub struct Map<'t> {
    rows: Vec<Row<'t>>,
}

#[derive(Debug)]
struct Row<'t> {
    name: &'t str,
    uses: Vec<&'t str>,
    tests_use: Vec<&'t str>,
}

impl<'t> Map<'t> {
    /// Reads the table; its first row is the heading.
    ///
    /// # Panics
    /// Where a row has not three columns, or uses a crate that no row above it has.
    #[must_use]
    pub fn parse(table: &'t str) -> Map<'t> {
        let mut map = Map { rows: Vec::new() };
        let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
        for line in lines.skip(1) {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            let [name, uses, tests_use] = columns[..] else {
                panic!("`{line}`: a row of the map is `name | uses | its tests also use`");
            };
            let [uses, tests_use] = [uses, tests_use].map(|names| names.split(' ').collect());
            let mut row = Row { name, uses, tests_use };
            for used in [&mut row.uses, &mut row.tests_use] {
                used.retain(|name| !name.is_empty());
                if let Some(unknown) = used.iter().find(|name| !map.has(name)) {
                    panic!("`{name}` uses `{unknown}`, which no row above it has: arrows go down");
                }
            }
            map.rows.push(row);
        }
        map
    }

    /// Crates without a row and rows without a crate.
    #[must_use]
    pub fn complete(&self, path: &str, crates: &[&str]) -> Vec<String> {
        let unmapped = crates.iter().filter(|name| !self.has(name)).map(|name| {
            complaint(path, 1, &format!("the crate `{name}` is not in the map; give it a row"))
        });
        let vanished = self.rows.iter().filter(|row| !crates.contains(&row.name)).map(|row| {
            let what = format!("no crate for the row `{}` of the map; remove the row", row.name);
            complaint(path, 1, &what)
        });
        unmapped.chain(vanished).collect()
    }

    /// The arrows of the manifest of the crate `name` that the map does not draw.
    #[must_use]
    pub fn arrows(&self, path: &str, name: &str, manifest: &str) -> Vec<String> {
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

/// Dependencies of a crate whose version does not stand in the root manifest.
#[must_use]
pub fn versions_at_the_root(path: &str, manifest: &str) -> Vec<String> {
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

/// A crate with another name than its directory, without the workspace's lints, or with a binary.
#[must_use]
pub fn crate_manifest(path: &str, directory: &str, manifest: &str) -> Vec<String> {
    let root = parse(manifest);
    let mut complaints = Vec::new();
    if at(&root, &["package", "name"]).and_then(DeValue::as_str) != Some(directory) {
        let what = format!("the package is not called as its directory; name it `{directory}`");
        complaints.push(complaint(path, 1, &what));
    }
    if at(&root, &["lints", "workspace"]).and_then(DeValue::as_bool) != Some(true) {
        let what = "no lints; add `[lints]` with `workspace = true`";
        complaints.push(complaint(path, 1, what));
    }
    if directory != BINARY && root.contains_key("bin") {
        complaints.push(complaint(path, 1, &second_binary()));
    }
    complaints
}

/// The only crate that makes a program.
pub const BINARY: &str = "doorstep";

/// Sources of a program in a crate that is not [`BINARY`].
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

/// A root manifest that allows unsafe code, or gives a crate another name than its directory.
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
            let what = format!("`{name}` is an alias; call every crate by its own name");
            complaints.push(complaint(path, line_at(manifest, &key.span()), &what));
        }
    }
    complaints
}

/// The third-party crates of [workspace.dependencies].
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

/// Crates that are locked in two versions, but for those in `allowed` (name, reason).
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
            "`{name}` in {}; find who wants them with `cargo tree -d --target all` and bring them \
             together, or allow it with its reason",
            numbers.join(" and ")
        );
        complaints.push(complaint(path, found[1].1, &what));
    }
    for (name, reason) in allowed.iter().filter(|(name, _)| !twice(name)) {
        let what = format!("`{name}` ({reason}) is there once; take it off the list of exceptions");
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

    fn map() -> Map<'static> {
        Map::parse(MAP)
    }

    #[test]
    fn an_arrow_that_is_not_drawn_is_named() {
        let manifest = "[package]\n[dependencies]\nmoney.workspace = true\n\
                        engine = { workspace = true }\nserde.workspace = true\n";
        let found = map().arrows("ledger.toml", "ledger", manifest);
        let said = "ledger.toml:4: `ledger` must not use `engine`; move the code, or change the \
                    map and say why in docs/decisions";
        assert_eq!(found, [said]);
    }

    #[test]
    fn tests_may_use_more_and_no_table_is_forgotten() {
        let arrow = |table: &str, name: &str| {
            let manifest = format!("[{table}]\n{name}.workspace = true\n");
            map().arrows("m", "node", &manifest).len()
        };
        assert_eq!(arrow("dev-dependencies", "ledger"), 0);
        assert_eq!(arrow("dev-dependencies", "money"), 1);
        assert_eq!(arrow("dependencies", "ledger"), 1);
        assert_eq!(arrow("build-dependencies", "ledger"), 1);
        assert_eq!(arrow("target.'cfg(unix)'.dependencies", "ledger"), 1);
    }

    #[test]
    fn the_map_and_the_crates_are_the_same_set() {
        let found = map().complete("map.rs", &["money", "ledger", "engine", "switch"]);
        assert_eq!(
            found,
            [
                "map.rs:1: the crate `switch` is not in the map; give it a row",
                "map.rs:1: no crate for the row `node` of the map; remove the row",
            ]
        );
    }

    #[test]
    #[should_panic(expected = "`money` uses `ledger`, which no row above it has")]
    fn an_arrow_up_is_no_map() {
        let _ = Map::parse("crate | uses | tests\nmoney | ledger |\nledger | |");
    }

    #[test]
    fn a_version_stands_in_the_root() {
        let manifest = "[dependencies]\nborsh.workspace = true\ncsv = \"1\"\n[dev-dependencies]\n\
                        toml = { version = \"1\" }\n";
        let found = versions_at_the_root("m", manifest);
        assert_eq!(
            found,
            [
                "m:3: write `csv.workspace = true`, and the version in [workspace.dependencies]",
                "m:5: write `toml.workspace = true`, and the version in [workspace.dependencies]",
            ]
        );
    }

    #[test]
    fn a_crate_has_its_directory_s_name_the_lints_and_no_binary() {
        let good = "[package]\nname = \"money\"\n[lints]\nworkspace = true\n";
        assert!(crate_manifest("m", "money", good).is_empty());
        assert_eq!(crate_manifest("m", "ledger", good).len(), 1);
        assert_eq!(
            crate_manifest("m", "money", "[package]\nname = \"money\"\n"),
            ["m:1: no lints; add `[lints]` with `workspace = true`"]
        );
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
            ["m:4: `cash` is an alias; call every crate by its own name"]
        );
        let long = good.replace("\"forbid\"", "{ level = \"forbid\", priority = 1 }");
        assert!(root_manifest("m", &long).is_empty());
    }

    #[test]
    fn two_versions_of_a_crate_are_named() {
        let lock = "[[package]]\nname = \"syn\"\nversion = \"2.0.1\"\n\n\
                    [[package]]\nname = \"syn\"\nversion = \"3.0.1\"\n";
        assert_eq!(
            duplicates("Cargo.lock", lock, &[]),
            ["Cargo.lock:5: `syn` in 2.0.1 and 3.0.1; find who wants them with `cargo tree -d \
             --target all` and bring them together, or allow it with its reason"]
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
