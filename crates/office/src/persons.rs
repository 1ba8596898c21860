//! Who the persons are: their names, and the users of this machine who act as them. The journal has
//! only ids; names and users stand in a file of the data directory that only its owner can read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use books::PersonId;
use serde::{Deserialize, Serialize};

use crate::error::PersonsError;
use crate::file::{read_if_there, write_durably};

/// File name in a data directory.
pub const PERSONS_FILE: &str = "persons.toml";
const FILE_BYTES_MAX: u64 = 1 << 24;
pub(crate) const NAME_CHARACTERS_MAX: usize = 64;

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

/// Alphabets with letters that look alike. A name has letters of one of them only: `ann` with a
/// Cyrillic `a` would be a second Ann.
const LOOK_ALIKE: [(char, char); 4] =
    [('A', '\u{24F}'), ('\u{370}', '\u{3FF}'), ('\u{400}', '\u{52F}'), ('\u{531}', '\u{586}')];

fn mixes_alphabets(name: &str) -> bool {
    let alphabet = |letter: char| match letter {
        '\u{1E00}'..='\u{1EFF}' => Some(0),
        _ => LOOK_ALIKE.iter().position(|(first, last)| (*first..=*last).contains(&letter)),
    };
    let mut alphabets = name.chars().filter(|c| is_letter(*c)).filter_map(alphabet);
    let first = alphabets.next();
    alphabets.any(|other| Some(other) != first)
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_digit() || " .-'".contains(character) || is_letter(character)
}

/// A name with single spaces, or an error if it is not one.
fn checked(name: &str) -> Result<String, PersonsError> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count());
    let plain = name.chars().all(is_name_character) && name.chars().any(is_letter);
    if length && plain && !mixes_alphabets(&name) {
        Ok(name)
    } else {
        Err(PersonsError::NotAName(name))
    }
}

/// The content of the file.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonsFile {
    /// Names by the ids of persons.
    #[serde(default)]
    persons: BTreeMap<String, String>,
    /// Ids of persons by the ids of users.
    #[serde(default)]
    users: BTreeMap<String, u64>,
}

/// Names and users of the persons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persons {
    names: BTreeMap<PersonId, String>,
    users: BTreeMap<u32, PersonId>,
}

impl Persons {
    /// Reads the file of a data directory. Without a file nobody has a name or a user.
    ///
    /// # Errors
    /// The file can be read by others, or is not a table of persons.
    pub fn read(data: &Path) -> Result<Persons, PersonsError> {
        let path = data.join(PERSONS_FILE);
        let failed = |source| PersonsError::Io { path: path.clone(), source };
        match fs::metadata(&path) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => {
                return Err(PersonsError::ReadableByOthers(path));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let text = read_if_there(&path, FILE_BYTES_MAX).map_err(failed)?.unwrap_or_default();
        let content: PersonsFile = toml::from_str(&text).map_err(|error| {
            PersonsError::NotATable { path: path.clone(), why: error.message().to_owned() }
        })?;
        let mut persons = Persons::default();
        for (id, name) in content.persons {
            let not_an_id = |_| PersonsError::NotAnId { path: path.clone(), text: id.clone() };
            persons.add_name(id.parse().map_err(not_an_id)?, &name)?;
        }
        for (user, person) in content.users {
            let not_a_user = |_| PersonsError::NotAUser { path: path.clone(), text: user.clone() };
            persons.add_user(user.parse().map_err(not_a_user)?, PersonId(person))?;
        }
        Ok(persons)
    }

    /// Replaces the file of a data directory. Only its owner can read it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, data: &Path) -> Result<(), PersonsError> {
        let failed = |source| PersonsError::Io { path: data.join(PERSONS_FILE), source };
        let persons = self.names.iter().map(|(id, name)| (id.to_string(), name.clone())).collect();
        let users = self.users.iter().map(|(user, id)| (user.to_string(), id.0)).collect();
        let text = toml::to_string(&PersonsFile { persons, users });
        let text = text.map_err(|error| failed(io::Error::other(error)))?;
        write_durably(data, PERSONS_FILE, text.as_bytes()).map_err(failed)
    }

    /// Whether nobody has a name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    #[must_use]
    pub fn name(&self, person: PersonId) -> Option<&str> {
        self.names.get(&person).map(String::as_str)
    }

    /// A person for persons: `2 Bo Chen`, or the id of one without a name.
    #[must_use]
    pub fn shown(&self, person: PersonId) -> String {
        match self.name(person) {
            Some(name) => format!("{person} {name}"),
            None => person.to_string(),
        }
    }

    /// The person as whom a user of this machine acts.
    #[must_use]
    pub fn of_user(&self, user: u32) -> Option<PersonId> {
        self.users.get(&user).copied()
    }

    /// Everybody who has a name or a user.
    pub fn iter(&self) -> impl Iterator<Item = (PersonId, Option<&str>, Option<u32>)> {
        let unnamed = self.users.values().filter(|person| !self.names.contains_key(*person));
        let mut all: Vec<PersonId> = self.names.keys().chain(unnamed).copied().collect();
        all.sort_unstable();
        all.into_iter().map(|person| {
            let user = self.users.iter().find(|(_, other)| **other == person);
            (person, self.name(person), user.map(|(user, _)| *user))
        })
    }

    /// Names a person. Two persons do not have the same name: case and spacing do not matter.
    ///
    /// # Errors
    /// The text is no name, or another person has it.
    pub fn add_name(&mut self, person: PersonId, name: &str) -> Result<(), PersonsError> {
        let name = checked(name)?;
        if person == PersonId(0) {
            return Err(PersonsError::Nobody);
        }
        if let Some(other) = self.named(&name).filter(|other| *other != person) {
            return Err(PersonsError::NameTaken { person: other, name });
        }
        self.names.insert(person, name);
        Ok(())
    }

    /// Lets a user of this machine act as a person.
    ///
    /// # Errors
    /// The user is another person, or the person another user.
    pub fn add_user(&mut self, user: u32, person: PersonId) -> Result<(), PersonsError> {
        if person == PersonId(0) {
            return Err(PersonsError::Nobody);
        }
        for (&other, &mapped) in &self.users {
            if other == user && mapped != person {
                return Err(PersonsError::UserTaken { user, person: mapped });
            }
            if mapped == person && other != user {
                return Err(PersonsError::PersonHasUser { user: other, person });
            }
        }
        self.users.insert(user, person);
        Ok(())
    }

    fn named(&self, name: &str) -> Option<PersonId> {
        let name = name.to_lowercase();
        self.names.iter().find(|(_, other)| other.to_lowercase() == name).map(|(id, _)| *id)
    }

    /// The person with this id or name.
    ///
    /// # Errors
    /// Nobody has the name.
    pub fn find(&self, who: &str) -> Result<PersonId, PersonsError> {
        if let Ok(person) = who.parse() {
            return Ok(person);
        }
        let name = checked(who)?;
        self.named(&name).ok_or(PersonsError::UnknownName(name))
    }

    /// Two different people.
    ///
    /// # Errors
    /// They are the same person, or one is not known.
    pub fn find_both(&self, by: &str, approved_by: &str) -> Result<[PersonId; 2], PersonsError> {
        let both = [self.find(by)?, self.find(approved_by)?];
        if both[0] == both[1] { Err(PersonsError::SamePerson) } else { Ok(both) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn names(of: &[(u64, &str)]) -> Persons {
        let mut names = Persons::default();
        for (id, name) in of {
            names.add_name(PersonId(*id), name).unwrap();
        }
        names
    }

    #[test]
    fn persons_are_read_as_they_were_written_and_only_by_their_owner() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path();
        assert!(Persons::read(data).unwrap().is_empty(), "without a file");
        let mut written = names(&[(1, "Li Wei"), (u64::MAX, "李伟")]);
        written.add_user(1_000, PersonId(1)).unwrap();
        written.write(data).unwrap();
        let path = data.join(PERSONS_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Persons::read(data).unwrap(), written);
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = Persons::read(data).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{mode:o}: {error}");
        }
    }

    #[test]
    fn a_file_that_names_nobody_or_one_person_twice_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for (text, why) in [
            ("[persons]\nx = \"Li\"\n", "`x` is not the id of a person"),
            ("[persons]\n1 = \"Li\"\n2 = \" LI \"\n", "has the name `LI` already"),
            ("[persons]\n1 = \"\"\n", "is not a name"),
            ("[people]\n1 = \"Li\"\n", "not a table of persons"),
            ("1 = 2 =", "not a table of persons"),
            ("[users]\nann = 1\n", "`ann` is not the id of a user"),
            ("[users]\n1000 = 1\n1001 = 1\n", "person 1 is user 1000 already"),
        ] {
            let path = directory.path().join(PERSONS_FILE);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let error = Persons::read(directory.path()).unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn one_user_is_one_person() {
        let mut persons = names(&[(1, "Li"), (2, "Bo")]);
        persons.add_user(1_000, PersonId(1)).unwrap();
        persons.add_user(1_000, PersonId(1)).unwrap();
        assert!(persons.add_user(1_000, PersonId(2)).is_err());
        assert!(persons.add_user(1_001, PersonId(1)).is_err());
        // 0 is nobody's id.
        assert!(persons.add_user(1_003, PersonId(0)).is_err());
        assert!(persons.add_name(PersonId(0), "Cy").is_err());
        assert_eq!(persons.of_user(1_000), Some(PersonId(1)));
        assert_eq!(persons.of_user(1_001), None);
        persons.add_user(1_002, PersonId(7)).unwrap();
        let all: Vec<_> = persons.iter().collect();
        let (one, two) = ((PersonId(1), Some("Li"), Some(1_000)), (PersonId(2), Some("Bo"), None));
        assert_eq!(all, [one, two, (PersonId(7), None, Some(1_002))]);
    }

    #[test]
    fn two_spellings_of_a_name_are_one_person() {
        for (one, other) in
            [("Li", "li "), ("Li Wei", " li\u{3000}  WEI\t"), ("ÖZ", "öz"), ("Жанна", "ЖАННА")]
        {
            let mut names = names(&[(1, one)]);
            assert_eq!(names.find(other).unwrap(), PersonId(1), "{one}, {other}");
            assert!(names.add_name(PersonId(2), other).is_err(), "{one}, {other}");
            let error = names.find_both(one, other).unwrap_err();
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
            // A Cyrillic а, and a Greek ο.
            "\u{430}nn",
            "Bob\u{3BF}",
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
