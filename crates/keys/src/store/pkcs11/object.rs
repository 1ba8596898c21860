//! Keys as objects of a token: labels, descriptions, templates.

use cryptoki::error::Result;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use zeroize::Zeroizing;

use super::may_leave;
use crate::check_value::CheckValue;
use crate::key::{Algorithm, Key};
use crate::name::KeyName;
use crate::reference::Purpose;

/// What `CKA_ID` begins with when Doorstep wrote it.
const DESCRIPTION_FORMAT: &str = "doorstep-1";

/// What a key is for, in `CKA_ID`: `doorstep-1 mac tdes2 08D7B4FB62 2013-02-25`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    pub purpose: Purpose,
    pub algorithm: Algorithm,
    pub check_value: CheckValue,
    pub made_on: jiff::civil::Date,
}

impl Description {
    fn text(&self) -> String {
        format!(
            "{DESCRIPTION_FORMAT} {} {} {} {}",
            self.purpose.name(),
            self.algorithm.name(),
            self.check_value.in_full(),
            self.made_on
        )
    }

    fn parse(text: &str) -> Option<Description> {
        let mut words = text.split(' ');
        if words.next()? != DESCRIPTION_FORMAT {
            return None;
        }
        let description = Description {
            purpose: Purpose::named(words.next()?)?,
            algorithm: Algorithm::named(words.next()?)?,
            check_value: CheckValue::from_full(words.next()?)?,
            made_on: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(description)
    }
}

/// `CKA_APPLICATION` of the objects that are no keys.
const APPLICATION: &[u8] = b"doorstep";
/// The ending of their labels: `name#retired` has the check values of generations that are gone.
const RETIRED: &str = "#retired";
/// The label of one that is made to see whether the token takes it.
const TRIAL: &str = "#trial";

/// A second object of a key, for what PKCS#11 cannot do with the first.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Companion {
    /// The left half: X9.19 chains under it alone.
    Left,
    /// The key with the DUKPT mask: initial keys are half derived under it.
    Masked,
}

impl Companion {
    const ALL: [Companion; 2] = [Companion::Left, Companion::Masked];

    /// The companions of a key.
    pub fn of(purpose: Purpose, algorithm: Algorithm) -> Vec<Companion> {
        match (purpose, algorithm) {
            (Purpose::Mac, Algorithm::Tdes2) => vec![Companion::Left],
            (Purpose::Dukpt, Algorithm::Tdes2) => vec![Companion::Masked],
            _ => Vec::new(),
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Companion::Left => "/left",
            Companion::Masked => "/masked",
        }
    }

    pub fn label(self, label: &str) -> String {
        format!("{label}{}", self.ending())
    }

    /// The companion of a double-length key, itself of double length.
    pub fn bytes(self, key: &Key) -> Zeroizing<Vec<u8>> {
        let key = key.expose();
        Zeroizing::new(match self {
            Companion::Left => key[..8].repeat(2),
            Companion::Masked => {
                let mask = |place: usize| if place % 8 < 4 { 0xC0 } else { 0 };
                key.iter().enumerate().map(|(place, byte)| byte ^ mask(place)).collect()
            }
        })
    }
}

/// A key's bytes as they lie on the token. A DES key is a TDES key with equal halves there, which
/// encrypts the same: many modules have DES no more.
pub fn on_token(key: &Key) -> Zeroizing<Vec<u8>> {
    let bytes = key.expose();
    Zeroizing::new(if bytes.len() == 8 { bytes.repeat(2) } else { bytes.to_vec() })
}

/// The label of a generation.
pub fn label(name: KeyName, generation: u32) -> String {
    format!("{name}#{generation}")
}

/// An object that was found.
pub struct FoundObject {
    pub object: ObjectHandle,
    pub label: String,
    pub name: KeyName,
    pub generation: u32,
    pub companion: Option<Companion>,
    /// `None` where it cannot be read.
    pub description: Option<Description>,
}

/// All objects that Doorstep wrote. A token may have others beside them.
pub fn list(session: &Session) -> Result<Vec<FoundObject>> {
    let template = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Token(true)];
    let mut found = Vec::new();
    for object in session.find_objects(&template)? {
        let attributes =
            session.get_attributes(object, &[AttributeType::Label, AttributeType::Id])?;
        let (mut label, mut id) = (String::new(), String::new());
        for attribute in attributes {
            match attribute {
                Attribute::Label(bytes) => label = String::from_utf8(bytes).unwrap_or_default(),
                Attribute::Id(bytes) => id = String::from_utf8(bytes).unwrap_or_default(),
                _ => {}
            }
        }
        if !id.starts_with(DESCRIPTION_FORMAT) {
            continue;
        }
        let Some((name, generation, companion)) = read_label(&label) else { continue };
        let description = Description::parse(&id);
        found.push(FoundObject { object, label, name, generation, companion, description });
    }
    Ok(found)
}

fn read_label(label: &str) -> Option<(KeyName, u32, Option<Companion>)> {
    let (name, rest) = label.split_once('#')?;
    let companion = Companion::ALL.into_iter().find(|companion| rest.ends_with(companion.ending()));
    let digits = rest.split('/').next()?;
    Some((KeyName::new(name).ok()?, digits.parse().ok()?, companion))
}

/// The check values of a name's generations that are gone, the newest last.
pub struct FoundRetired {
    pub name: KeyName,
    pub check_values: Vec<CheckValue>,
}

/// What the token remembers of generations that are gone.
pub fn list_retired(session: &Session) -> Result<Vec<FoundRetired>> {
    let mut found = Vec::new();
    for object in session.find_objects(&retired_template())? {
        let wanted = [AttributeType::Label, AttributeType::Value];
        let (mut name, mut text) = (None, String::new());
        for attribute in session.get_attributes(object, &wanted)? {
            match attribute {
                Attribute::Label(bytes) => {
                    let label = String::from_utf8(bytes).unwrap_or_default();
                    let before = label.strip_suffix(RETIRED);
                    name = before.and_then(|name| KeyName::new(name).ok());
                }
                Attribute::Value(bytes) => text = String::from_utf8(bytes).unwrap_or_default(),
                _ => {}
            }
        }
        let Some(name) = name else { continue };
        let check_values = text.split(' ').filter_map(CheckValue::from_full).collect();
        found.push(FoundRetired { name, check_values });
    }
    Ok(found)
}

/// Remembers all that is gone of a name, in the place of what was remembered before.
pub fn write_retired(session: &Session, name: KeyName, all: &[CheckValue]) -> Result<()> {
    let mut template = retired_template();
    template.push(Attribute::Label(format!("{name}{RETIRED}").into_bytes()));
    let before = session.find_objects(&template)?;
    let words: Vec<String> = all.iter().map(|check_value| check_value.in_full()).collect();
    template.push(Attribute::Value(words.join(" ").into_bytes()));
    session.create_object(&template)?;
    for object in before {
        session.destroy_object(object)?;
    }
    Ok(())
}

/// What is told where a token takes no data objects.
pub const TRYING_DATA_OBJECTS: &str = "trying a private data object (CKO_DATA), in which \
    replaced keys are remembered; allow them, or make room on the token";

/// Whether data objects can be put on the token. One that has some has shown it.
pub fn try_retired(session: &Session) -> Result<()> {
    let mut template = retired_template();
    if !session.find_objects(&template)?.is_empty() {
        return Ok(());
    }
    template.push(Attribute::Label(TRIAL.into()));
    template.push(Attribute::Value(TRIAL.into()));
    let object = session.create_object(&template)?;
    session.destroy_object(object)
}

fn retired_template() -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::DATA),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Application(APPLICATION.to_vec()),
    ]
}

/// Removes a key and its companions, the key first: without it nobody sees the others.
pub fn remove_labelled(session: &Session, label: &str) -> Result<()> {
    let companions = Companion::ALL.iter().map(|companion| companion.label(label));
    for label in std::iter::once(label.to_owned()).chain(companions) {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Token(true),
            Attribute::Label(label.into_bytes()),
        ];
        for object in session.find_objects(&template)? {
            session.destroy_object(object)?;
        }
    }
    Ok(())
}

/// Puts a key on the token.
pub fn create(
    session: &Session,
    label: &str,
    description: &Description,
    bytes: &[u8],
) -> Result<ObjectHandle> {
    let mut template = template(label, description.purpose, description.algorithm);
    template.push(Attribute::Id(description.text().into_bytes()));
    template.push(Attribute::KeyType(key_type(description.algorithm)));
    template.push(Attribute::Value(bytes.to_vec()));
    let created = session.create_object(&template);
    for attribute in &mut template {
        if let Attribute::Value(bytes) = attribute {
            zeroize::Zeroize::zeroize(bytes);
        }
    }
    created
}

/// Makes a key on the token. It is not seen before it is described.
pub fn generate(
    session: &Session,
    label: &str,
    purpose: Purpose,
    algorithm: Algorithm,
) -> Result<ObjectHandle> {
    let mut template = template(label, purpose, algorithm);
    let mechanism = match algorithm {
        Algorithm::Des | Algorithm::Tdes2 => Mechanism::Des2KeyGen,
        Algorithm::Tdes3 => Mechanism::Des3KeyGen,
        Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256 => {
            let length = std::ffi::c_ulong::try_from(algorithm.key_bytes()).unwrap_or_default();
            template.push(Attribute::ValueLen(length.into()));
            Mechanism::AesKeyGen
        }
    };
    session.generate_key(&mechanism, &template)
}

/// Says what a key is for.
pub fn describe(session: &Session, object: ObjectHandle, description: &Description) -> Result<()> {
    session.update_attributes(object, &[Attribute::Id(description.text().into_bytes())])
}

/// The key, wrapped under a key that is on the token only for this.
pub fn wrap(session: &Session, object: ObjectHandle, wrapping: &[u8]) -> Result<Vec<u8>> {
    let mut template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Wrap(true),
        Attribute::Value(wrapping.to_vec()),
    ];
    let created = session.create_object(&template);
    if let Some(Attribute::Value(bytes)) = template.last_mut() {
        zeroize::Zeroize::zeroize(bytes);
    }
    let wrapping = created?;
    let wrapped = session.wrap_key(&Mechanism::AesKeyWrap, wrapping, object);
    session.destroy_object(wrapping)?;
    wrapped
}

const fn key_type(algorithm: Algorithm) -> KeyType {
    match algorithm {
        Algorithm::Des | Algorithm::Tdes2 => KeyType::DES2,
        Algorithm::Tdes3 => KeyType::DES3,
        Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256 => KeyType::AES,
    }
}

/// What every key on the token has: it may be used for its purpose and nothing else.
fn template(label: &str, purpose: Purpose, algorithm: Algorithm) -> Vec<Attribute> {
    let encrypts = !matches!(purpose, Purpose::Token | Purpose::Base);
    let decrypts = matches!(purpose, Purpose::PinEncryption | Purpose::Exchange);
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(may_leave(purpose)),
        Attribute::Encrypt(encrypts),
        Attribute::Decrypt(decrypts),
        Attribute::Sign(algorithm.is_aes()),
        Attribute::Verify(false),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
        Attribute::Label(label.as_bytes().to_vec()),
    ]
}
