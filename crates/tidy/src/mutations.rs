//! Lists of mutations: planted faults that the tests must notice.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutation: Vec<Mutation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    what: String,
    file: String,
    find: String,
    put: String,
    /// Crates whose tests must fail. None: the file's own.
    #[serde(default)]
    tests: Vec<String>,
}

/// Mutations that cannot be planted: their text must occur once in their file.
#[must_use]
pub fn unplanted(
    path: &str,
    text: &str,
    crates: &[&str],
    read: &dyn Fn(&str) -> Option<String>,
) -> Vec<String> {
    let list: List = match toml::from_str(text) {
        Ok(list) => list,
        Err(error) => return vec![format!("{path}: {error}")],
    };
    let complain = |one: &Mutation| {
        let found = read(&one.file).map_or(0, |source| source.matches(&one.find).count());
        let unknown = one.tests.iter().find(|name| !crates.contains(&name.as_str()));
        let why = match unknown {
            _ if one.find == one.put => "it changes nothing".to_owned(),
            _ if found != 1 => {
                format!("its text occurs {found} times in {}, it must occur once", one.file)
            }
            Some(name) => format!("there is no crate {name}"),
            None => return None,
        };
        Some(format!("{path}: mutation \"{}\": {why}", one.what))
    };
    list.mutation.iter().filter_map(complain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutation_whose_text_is_gone_or_there_twice_is_named() {
        let list = |find: &str| {
            format!("[[mutation]]\nwhat = \"w\"\nfile = \"a.rs\"\nfind = \"{find}\"\nput = \"\"\n")
        };
        let read = |path: &str| (path == "a.rs").then(|| "one two two".to_owned());
        let complaints = |find: &str| unplanted("m.toml", &list(find), &[], &read);
        assert!(complaints("one").is_empty());
        for (find, times) in [("two", 2), ("three", 0)] {
            let complaint = &complaints(find)[0];
            assert!(complaint.contains(&format!("occurs {times} times")), "{complaint}");
        }
        assert_eq!(complaints("").len(), 1, "it changes nothing");
    }
}
