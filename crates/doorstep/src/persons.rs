//! Names of persons. The journal has only their ids; the names stand in a file of the data
//! directory that only its owner can read.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use books::PersonId;
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::data_directory::read_text;
use crate::words::bilingual;

/// File name in a data directory.
pub const PERSONS_FILE: &str = "persons.toml";
const FILE_BYTES_MAX: usize = 1 << 24;
const NAME_CHARACTERS_MAX: usize = 64;

/// The two people who decide something.
#[derive(Args, Debug)]
pub struct ApprovalArgs {
    /// The person who proposes it: the name in persons.toml, or the id
    #[arg(long, value_name = "WHO")]
    pub by: String,
    /// A second person, who approves it
    #[arg(long, value_name = "WHO")]
    pub approved_by: String,
}

/// The letters of names, as ranges. They hold no invisible letters, no combining marks and no
/// second encodings of a letter, because those would make two names out of one.
const LETTERS: [(char, char); 19] = [
    ('A', 'Z'),
    ('a', 'z'),
    ('\u{C0}', '\u{24F}'),
    ('\u{386}', '\u{3FF}'),
    ('\u{400}', '\u{52F}'),
    ('\u{531}', '\u{586}'),
    ('\u{5D0}', '\u{5EA}'),
    // U+0640 is left out: it only stretches a word.
    ('\u{620}', '\u{63F}'),
    ('\u{641}', '\u{64A}'),
    ('\u{671}', '\u{6D3}'),
    ('\u{10D0}', '\u{10FF}'),
    ('\u{1E00}', '\u{1EFF}'),
    ('\u{3041}', '\u{3096}'),
    ('\u{30A1}', '\u{30FC}'),
    ('\u{3400}', '\u{4DBF}'),
    ('\u{4E00}', '\u{9FFF}'),
    ('\u{AC00}', '\u{D7A3}'),
    ('\u{20000}', '\u{2EBEF}'),
    ('\u{30000}', '\u{323AF}'),
];

fn is_letter(character: char) -> bool {
    let within = |(first, last): &(char, char)| (*first..=*last).contains(&character);
    character.is_alphabetic() && LETTERS.iter().any(within)
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_digit() || " .-'".contains(character) || is_letter(character)
}

/// A name with single spaces, or an error if it is not one.
fn checked(name: &str) -> anyhow::Result<String> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count());
    let plain = name.chars().all(is_name_character) && name.chars().any(is_letter);
    ensure!(
        length && plain,
        bilingual!(
            "`{name}` is not a name: it must have 1 to {NAME_CHARACTERS_MAX} characters, one of \
             them a letter: letters (Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, \
             Chinese, Japanese, Korean), digits, spaces and .-'; write an accented letter as one \
             character, without a combining accent",
            "`{name}` 不是姓名：须为 1 至 {NAME_CHARACTERS_MAX} 个字符，至少一个文字：\
             文字、数字、空格和 .-'"
        )
    );
    Ok(name)
}

/// The content of the file.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonsFile {
    #[serde(default)]
    persons: BTreeMap<String, String>,
}

/// The names of persons by their ids.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PersonNames(BTreeMap<PersonId, String>);

impl PersonNames {
    /// Reads the file of a data directory. Without a file nobody has a name.
    pub fn read(data: &Path) -> anyhow::Result<PersonNames> {
        let path = data.join(PERSONS_FILE);
        let file = path.display();
        let mode = match std::fs::metadata(&path) {
            Ok(found) => found.permissions().mode(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(PersonNames::default()),
            Err(error) => return Err(error).context(path.display().to_string()),
        };
        ensure!(
            mode & 0o077 == 0,
            bilingual!(
                "{file}: other users can read the names of persons; run `chmod 600` on the file",
                "{file}：其他用户可以读取人员姓名；请对该文件运行 `chmod 600`"
            )
        );
        let text = read_text(&path, FILE_BYTES_MAX)?;
        let content: PersonsFile = toml::from_str(&text).map_err(|error| {
            let why = error.message().to_owned();
            anyhow::anyhow!(bilingual!(
                "{file}: not a table of persons: {why}",
                "{file}：不是人员表：{why}"
            ))
        })?;
        let mut names = PersonNames::default();
        for (id, name) in content.persons {
            let person = id.parse().map_err(|_| {
                anyhow::anyhow!(bilingual!(
                    "{file}: `{id}` is not the id of a person: a decimal number",
                    "{file}：`{id}` 不是人员编号；编号为十进制数"
                ))
            })?;
            names.add(person, &name).with_context(|| path.display().to_string())?;
        }
        Ok(names)
    }

    /// Replaces the file of a data directory. Only its owner can read it.
    pub fn write(&self, data: &Path) -> anyhow::Result<()> {
        let named = || data.join(PERSONS_FILE).display().to_string();
        let persons = self.0.iter().map(|(id, name)| (id.to_string(), name.clone())).collect();
        let text = toml::to_string(&PersonsFile { persons }).with_context(named)?;
        // A temporary file has mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(data).with_context(named)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.as_file().sync_all())
            .with_context(named)?;
        file.persist(data.join(PERSONS_FILE)).with_context(named)?;
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn name(&self, person: PersonId) -> Option<&str> {
        self.0.get(&person).map(String::as_str)
    }

    /// Names a person. Two persons do not have the same name: case and spacing do not matter.
    pub fn add(&mut self, person: PersonId, name: &str) -> anyhow::Result<()> {
        let name = checked(name)?;
        if let Some(other) = self.named(&name) {
            bail!(bilingual!(
                "person {other} has the name `{name}` already; give another spelling",
                "人员 {other} 已使用姓名 `{name}`；请换一种写法"
            ));
        }
        self.0.insert(person, name);
        Ok(())
    }

    fn named(&self, name: &str) -> Option<PersonId> {
        let name = name.to_lowercase();
        self.0.iter().find(|(_, other)| other.to_lowercase() == name).map(|(person, _)| *person)
    }

    /// The person with this id or name.
    pub fn find(&self, who: &str) -> anyhow::Result<PersonId> {
        if let Ok(person) = who.parse() {
            return Ok(person);
        }
        let name = checked(who)?;
        self.named(&name).with_context(|| {
            bilingual!(
                "nobody has the name `{name}` in {PERSONS_FILE} of the data directory: give the \
                 person's id, or add the name there",
                "数据目录的 {PERSONS_FILE} 中没有姓名 `{name}`；请给出人员编号，或在其中加入姓名"
            )
        })
    }

    /// The two people. If nobody has a name yet, who is named here is one of `unnamed`: the second
    /// value says so.
    pub fn find_or_name<'w>(
        &self,
        who: &'w ApprovalArgs,
        unnamed: [PersonId; 2],
    ) -> anyhow::Result<([PersonId; 2], NewNames<'w>)> {
        let mut new = PersonNames::default();
        for (who, person) in [&who.by, &who.approved_by].into_iter().zip(unnamed) {
            if self.is_empty() && who.parse::<PersonId>().is_err() {
                new.add(person, who)?;
            }
        }
        let both = if new.is_empty() { self.find_both(who)? } else { new.find_both(who)? };
        let named = [&who.by, &who.approved_by].into_iter().zip(both);
        let named = named.filter(|(_, person)| new.name(*person).is_some());
        Ok((both, named.map(|(who, person)| (person, who.as_str())).collect()))
    }

    /// The two people, who must be different.
    pub fn find_both(&self, who: &ApprovalArgs) -> anyhow::Result<[PersonId; 2]> {
        let both = [self.find(&who.by)?, self.find(&who.approved_by)?];
        ensure!(
            both[0] != both[1],
            bilingual!(
                "the proposer and the approver are the same person; a second person must approve",
                "提出人与复核人是同一人；须由第二人复核"
            )
        );
        Ok(both)
    }
}

/// Persons who get a name.
pub type NewNames<'w> = Vec<(PersonId, &'w str)>;

/// Names persons of a data directory who have no name yet.
pub fn name_missing(data: &Path, persons: &[(PersonId, &str)]) -> anyhow::Result<()> {
    let mut names = PersonNames::read(data)?;
    let unnamed: Vec<_> = persons.iter().filter(|(id, _)| names.name(*id).is_none()).collect();
    for (person, name) in &unnamed {
        names.add(*person, name)?;
    }
    if unnamed.is_empty() { Ok(()) } else { names.write(data) }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn names(of: &[(u64, &str)]) -> PersonNames {
        let mut names = PersonNames::default();
        for (id, name) in of {
            names.add(PersonId(*id), name).unwrap();
        }
        names
    }

    #[test]
    fn names_are_read_as_they_were_written_and_only_by_their_owner() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path();
        assert!(PersonNames::read(data).unwrap().is_empty(), "without a file");
        let written = names(&[(1, "Li Wei"), (u64::MAX, "李伟")]);
        written.write(data).unwrap();
        let path = data.join(PERSONS_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(PersonNames::read(data).unwrap(), written);
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = PersonNames::read(data).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{mode:o}: {error}");
        }
    }

    #[test]
    fn a_file_that_names_nobody_or_one_person_twice_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for (text, why) in [
            ("[persons]\nx = \"Li\"\n", "`x` is not the id"),
            ("[persons]\n1 = \"Li\"\n2 = \" LI \"\n", "has the name `LI` already"),
            ("[persons]\n1 = \"\"\n", "is not a name"),
            ("[people]\n1 = \"Li\"\n", "not a table of persons"),
            ("1 = 2 =", "not a table of persons"),
        ] {
            let path = directory.path().join(PERSONS_FILE);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let error = format!("{:#}", PersonNames::read(directory.path()).unwrap_err());
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn two_spellings_of_a_name_are_one_person() {
        for (one, other) in
            [("Li", "li "), ("Li Wei", " li\u{3000}  WEI\t"), ("ÖZ", "öz"), ("Жанна", "ЖАННА")]
        {
            let mut names = names(&[(1, one)]);
            assert_eq!(names.find(other).unwrap(), PersonId(1), "{one}, {other}");
            assert!(names.add(PersonId(2), other).is_err(), "{one}, {other}");
            let (by, approved_by) = (one.to_owned(), other.to_owned());
            let error = names.find_both(&ApprovalArgs { by, approved_by }).unwrap_err();
            assert!(error.to_string().contains("the same person"), "{error}");
        }
        let names = names(&[(1, "Li"), (2, "Lin"), (3, "李")]);
        assert_eq!(names.find("lin").unwrap(), PersonId(2));
        assert_eq!(names.find("7").unwrap(), PersonId(7), "an id needs no name");
        assert!(names.find("林").is_err());
    }

    #[test]
    fn an_invisible_character_makes_no_second_person() {
        let unseen = [
            "Li\u{200B}",
            "L\u{AD}i",
            "Li\u{3164}",
            "Li\u{FE0F}",
            "\u{202E}Li",
            "Li\u{640}",
            "Rene\u{301}",
            "\u{1100}\u{1161}",
            "\u{F9E1}",
            "Ｌｉ",
            "i\u{307}",
            "Li!",
            "12 34",
            "",
            "  ",
            "a\u{7}b",
        ];
        for name in unseen {
            assert!(checked(name).is_err(), "{name:?}");
        }
        for name in ["René", "O'Neill", "J.-P. Li 2", "Ægir", "Nguyễn", "김", "さくら", "عمر"]
        {
            assert!(checked(name).is_ok(), "{name}");
        }
        let longest = "x".repeat(NAME_CHARACTERS_MAX);
        assert!(checked(&longest).is_ok() && checked(&format!("{longest}y")).is_err());
    }
}
