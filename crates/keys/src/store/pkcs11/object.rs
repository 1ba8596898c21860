//! Keys as objects of a token: labels, descriptions, templates.

use cryptoki::error::{Error, Result, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use zeroize::Zeroizing;

use super::is_extractable;
use crate::algorithm::Algorithm;
use crate::check_value::CheckValue;
use crate::data_key::DATA_KEY_BYTES;
use crate::data_key::WrappedDataKey;
use crate::key::Key;
use crate::name::KeyName;
use crate::purpose::KeyPurpose;

/// Prefix of the `CKA_ID` of all key objects that Doorstep wrote.
const DESCRIPTION_FORMAT: &str = "doorstep-1";

/// Attributes of a key in `CKA_ID`, for example `doorstep-1 mac tdes2 08D7B4FB62 2013-02-25`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyDescription {
    pub purpose: KeyPurpose,
    pub algorithm: Algorithm,
    pub check_value: CheckValue,
    pub made_on: jiff::civil::Date,
}

impl KeyDescription {
    fn text(&self) -> String {
        format!(
            "{DESCRIPTION_FORMAT} {} {} {} {}",
            self.purpose.name(),
            self.algorithm.name(),
            self.check_value.to_hex(),
            self.made_on
        )
    }

    fn parse(text: &str) -> Option<KeyDescription> {
        let mut words = text.split(' ');
        if words.next()? != DESCRIPTION_FORMAT {
            return None;
        }
        let description = KeyDescription {
            purpose: KeyPurpose::from_name(words.next()?)?,
            algorithm: Algorithm::from_name(words.next()?)?,
            check_value: CheckValue::from_hex(words.next()?)?,
            made_on: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(description)
    }
}

/// `CKA_APPLICATION` of data objects.
const APPLICATION: &[u8] = b"doorstep";
/// Label suffix of data objects: `name#retired` holds the check values of dropped generations.
const RETIRED: &str = "#retired";
/// Label of the data object that [`check_data_objects`] creates.
const TRIAL: &str = "#trial";

/// A second object of a key, for operations that PKCS#11 cannot do with the main object.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum CompanionKey {
    /// The left half, for the CBC part of X9.19.
    LeftHalf,
    /// The key XORed with the DUKPT mask, for one half of initial keys.
    DukptMasked,
}

impl CompanionKey {
    const ALL: [CompanionKey; 2] = [CompanionKey::LeftHalf, CompanionKey::DukptMasked];

    /// The companions that a key needs.
    pub fn required_for(purpose: KeyPurpose, algorithm: Algorithm) -> Vec<CompanionKey> {
        match (purpose, algorithm) {
            (KeyPurpose::Mac, Algorithm::Tdes2) => vec![CompanionKey::LeftHalf],
            (KeyPurpose::Dukpt, Algorithm::Tdes2) => vec![CompanionKey::DukptMasked],
            _ => Vec::new(),
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            CompanionKey::LeftHalf => "/left",
            CompanionKey::DukptMasked => "/masked",
        }
    }

    pub fn label(self, label: &str) -> String {
        format!("{label}{}", self.ending())
    }

    /// The bytes of the companion. Key and companion have double length.
    pub fn key_bytes(self, key: &Key) -> Zeroizing<Vec<u8>> {
        let key = key.expose();
        Zeroizing::new(match self {
            CompanionKey::LeftHalf => key[..8].repeat(2),
            CompanionKey::DukptMasked => {
                let mask = |place: usize| if place % 8 < 4 { 0xC0 } else { 0 };
                key.iter().enumerate().map(|(place, byte)| byte ^ mask(place)).collect()
            }
        })
    }
}

/// A key's bytes as stored on the token. A DES key is stored as a TDES key with equal halves, which
/// encrypts the same: many modules no longer support DES.
pub fn token_key_bytes(key: &Key) -> Zeroizing<Vec<u8>> {
    let bytes = key.expose();
    Zeroizing::new(if bytes.len() == 8 { bytes.repeat(2) } else { bytes.to_vec() })
}

pub fn label(name: KeyName, generation: u32) -> String {
    format!("{name}#{generation}")
}

/// A key object on the token.
pub struct TokenObject {
    pub object: ObjectHandle,
    pub label: String,
    pub name: KeyName,
    pub generation: u32,
    pub companion: Option<CompanionKey>,
    /// `None` if `CKA_ID` is malformed.
    pub description: Option<KeyDescription>,
}

/// All key objects that Doorstep wrote. Ignores other objects on the token.
pub fn list(session: &Session) -> Result<Vec<TokenObject>> {
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
        let description = KeyDescription::parse(&id);
        found.push(TokenObject { object, label, name, generation, companion, description });
    }
    Ok(found)
}

fn read_label(label: &str) -> Option<(KeyName, u32, Option<CompanionKey>)> {
    let (name, rest) = label.split_once('#')?;
    let companion =
        CompanionKey::ALL.into_iter().find(|companion| rest.ends_with(companion.ending()));
    let digits = rest.split('/').next()?;
    Some((KeyName::new(name).ok()?, digits.parse().ok()?, companion))
}

/// Check values of a name's dropped generations, oldest first.
pub struct RetiredCheckValues {
    pub name: KeyName,
    pub check_values: Vec<CheckValue>,
}

/// The check values of dropped generations.
pub fn list_retired(session: &Session) -> Result<Vec<RetiredCheckValues>> {
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
        let check_values = text.split(' ').filter_map(CheckValue::from_hex).collect();
        found.push(RetiredCheckValues { name, check_values });
    }
    Ok(found)
}

/// Stores the check values of all dropped generations of a name. Replaces the previous object.
pub fn write_retired(session: &Session, name: KeyName, all: &[CheckValue]) -> Result<()> {
    let mut template = retired_template();
    template.push(Attribute::Label(format!("{name}{RETIRED}").into_bytes()));
    let before = session.find_objects(&template)?;
    let words: Vec<String> = all.iter().map(|check_value| check_value.to_hex()).collect();
    template.push(Attribute::Value(words.join(" ").into_bytes()));
    session.create_object(&template)?;
    for object in before {
        session.destroy_object(object)?;
    }
    Ok(())
}

/// The operation named in the error for a token that accepts no data objects.
pub const CHECKING_DATA_OBJECTS: &str = "creating a private data object (CKO_DATA), which \
    lists replaced keys; allow such objects, or free space on the token";

/// Checks that the token accepts data objects. A token that already has some passes.
pub fn check_data_objects(session: &Session) -> Result<()> {
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

/// Removes a key and its companions. The key goes first: without it the companions are ignored.
pub fn remove_labelled(session: &Session, label: &str) -> Result<()> {
    let companions = CompanionKey::ALL.iter().map(|companion| companion.label(label));
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

pub fn create(
    session: &Session,
    label: &str,
    description: &KeyDescription,
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

/// Generates a key on the token. [`list`] ignores it until [`describe`] sets its `CKA_ID`.
pub fn generate(
    session: &Session,
    label: &str,
    purpose: KeyPurpose,
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

pub fn describe(
    session: &Session,
    object: ObjectHandle,
    description: &KeyDescription,
) -> Result<()> {
    session.update_attributes(object, &[Attribute::Id(description.text().into_bytes())])
}

/// Wraps a key under a session key that exists only for this call.
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

/// Wraps a data key under a key of the token, which stays there. The data key is an object of the
/// session for this call only.
pub fn wrap_data_key(
    session: &Session,
    under: ObjectHandle,
    data_key: &[u8; DATA_KEY_BYTES],
) -> Result<Vec<u8>> {
    let mut template = data_key_template();
    template.push(Attribute::Value(data_key.to_vec()));
    let created = session.create_object(&template);
    if let Some(Attribute::Value(bytes)) = template.last_mut() {
        zeroize::Zeroize::zeroize(bytes);
    }
    let object = created?;
    let wrapped = session.wrap_key(&Mechanism::AesKeyWrap, under, object);
    session.destroy_object(object)?;
    wrapped
}

/// Unwraps a data key. `None` if the token refuses what was wrapped.
pub fn unwrap_data_key(
    session: &Session,
    under: ObjectHandle,
    wrapped: &WrappedDataKey,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let template = data_key_template();
    let object = match session.unwrap_key(&Mechanism::AesKeyWrap, under, wrapped, &template) {
        Err(Error::Pkcs11(reason, _)) if is_not_ours(reason) => return Ok(None),
        unwrapped => unwrapped?,
    };
    let value = session.get_attributes(object, &[AttributeType::Value]);
    session.destroy_object(object)?;
    let value = value?.into_iter().find_map(|attribute| match attribute {
        Attribute::Value(bytes) => Some(Zeroizing::new(bytes)),
        _ => None,
    });
    Ok(value)
}

/// What modules say of a wrapped key whose integrity check fails. SoftHSM says that it failed.
const fn is_not_ours(reason: RvError) -> bool {
    matches!(
        reason,
        RvError::WrappedKeyInvalid
            | RvError::WrappedKeyLenRange
            | RvError::EncryptedDataInvalid
            | RvError::GeneralError
            | RvError::FunctionFailed
    )
}

fn data_key_template() -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ]
}

const fn key_type(algorithm: Algorithm) -> KeyType {
    match algorithm {
        Algorithm::Des | Algorithm::Tdes2 => KeyType::DES2,
        Algorithm::Tdes3 => KeyType::DES3,
        Algorithm::Aes128 | Algorithm::Aes192 | Algorithm::Aes256 => KeyType::AES,
    }
}

/// Attributes of a key on the token. They permit only the operations of its purpose.
fn template(label: &str, purpose: KeyPurpose, algorithm: Algorithm) -> Vec<Attribute> {
    let wraps = purpose == KeyPurpose::DataKeys;
    let macs = matches!(purpose, KeyPurpose::Token | KeyPurpose::HandOverCode | KeyPurpose::Base);
    let encrypts = !macs && !wraps;
    let decrypts = matches!(purpose, KeyPurpose::PinEncryption | KeyPurpose::Exchange);
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(is_extractable(purpose)),
        Attribute::Encrypt(encrypts),
        Attribute::Decrypt(decrypts),
        Attribute::Sign(algorithm.is_aes()),
        Attribute::Verify(false),
        Attribute::Wrap(wraps),
        Attribute::Unwrap(wraps),
        Attribute::Derive(false),
        Attribute::Label(label.as_bytes().to_vec()),
    ]
}
