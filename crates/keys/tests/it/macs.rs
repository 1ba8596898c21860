//! Published MACs.

use keys::mac::{MacPadding, cbc, cup_ecb, retail};
use keys::{AesKey, Algorithm, KeyError, MacMethod, TdesKey, mac};

fn hex(bytes: &[u8]) -> String {
    base16ct::upper::encode_string(bytes)
}

fn bytes(text: &str) -> Vec<u8> {
    base16ct::upper::decode_vec(text).unwrap()
}

/// Message without its MAC. Message, key, steps and field 64 are from
/// blog.csdn.net/zfr_xuexiao66/article/details/94665452, recomputed with openssl.
pub const CUP_MESSAGE: &str = "\
    08300000000002C000153030363730303436343238393733373031373933323330303200110000000137\
    200277319F0605A0000003339F220103DF050832303234313233319F0605A0000003339F220104DF0508\
    32303234313233319F0605A0000003339F220102DF050832303231313233319F0605A0000000039F2201\
    07DF050832303137313233319F0605A0000000039F220108DF050832303233313233319F0605A0000000\
    039F220109DF050832303233313233319F0605A0000000659F220110DF050832303232313233319F0605\
    A0000000659F220112DF050832303232313233319F0605A0000000659F220114DF050832303232313233\
    319F0605A0000000049F220104DF050832303137313233319F0605A0000000049F220105DF0508323032\
    31313233319F0605A0000000049F220106DF05083230323131323331";
pub const CUP_KEY: &str = "55036372B17543ECB173730768B8D6C4";
pub const CUP_STEPS: [&str; 5] = [
    "1212B04E1227809C",
    "8B29461A844BA5EC",
    "BA1B742DBC7B9CAF",
    "5FE058DB90680D33",
    "3546453035384442",
];

#[test]
fn a_unionpay_mac_is_the_published_one_in_each_step() {
    let key = TdesKey::from_hex(CUP_KEY).unwrap();
    let steps = cup_ecb(&key, &bytes(CUP_MESSAGE)).unwrap();
    let found = [steps.xored, steps.encrypted, steps.mixed, steps.result, steps.mac];
    assert_eq!(found.map(|step| hex(&step)), CUP_STEPS);
    let mac = mac::compute(MacMethod::CupEcb, &key, &bytes(CUP_MESSAGE)).unwrap();
    assert_eq!(&mac, b"5FE058DB");
}

/// `tests/test_mac.py` of github.com/knovichikhin/psec: the left half of the key is eight times
/// `A`, the right half eight times `B`.
pub const RETAIL: [(MacPadding, &str); 3] = [
    (MacPadding::Zeros, "3DDE5C5511661CBF"),
    (MacPadding::Bit, "E16941032C3BC7D4"),
    (MacPadding::Length, "BA90F750EF43F668"),
];
/// The same file: CBC under TDES.
pub const CBC_KEY: &str = "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBB";
pub const CBC: [(MacPadding, &str); 3] = [
    (MacPadding::Zeros, "68D9038F23360DF3"),
    (MacPadding::Bit, "32DC341271ACCD00"),
    (MacPadding::Length, "CDACA53E2DAA5412"),
];

#[test]
fn retail_and_cbc_macs_are_the_published_ones() {
    let key = TdesKey::new(b"AAAAAAAABBBBBBBB").unwrap();
    for (padding, expected) in RETAIL {
        assert_eq!(hex(&retail(&key, b"hello world", padding).unwrap()), expected);
    }
    let key = TdesKey::from_hex(CBC_KEY).unwrap();
    for (padding, expected) in CBC {
        assert_eq!(hex(&cbc(&key, b"hello world", padding).unwrap()), expected);
    }
}

/// FIPS 113, appendix 2, also the example of X9.9.
#[test]
fn x9_9_gives_the_mac_of_the_standard() {
    let key = TdesKey::from_hex("0123456789ABCDEF").unwrap();
    let message = b"7654321 Now is the time for ";
    assert_eq!(hex(&mac::compute(MacMethod::X9_9, &key, message).unwrap()), "F1D30F6849312CA4");
}

/// RFC 4493 (AES) and SP 800-38B, D.2 and D.3 (TDES), the first eight bytes.
#[test]
fn cmacs_are_the_published_ones() {
    let message = bytes(
        "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51\
                         30C81C46A35CE411",
    );
    let aes = AesKey::from_hex("2B7E151628AED2A6ABF7158809CF4F3C").unwrap();
    let of_aes = |length| hex(&mac::compute(MacMethod::Cmac, &aes, &message[..length]).unwrap());
    assert_eq!(of_aes(0), "BB1D6929E9593728");
    assert_eq!(of_aes(16), "070A16B46B4D4144");
    assert_eq!(of_aes(40), "DFA66747DE9AE630");
    let tdes = TdesKey::from_hex("8AA83BF8CBDA10620BC1BF19FBB6CD58BC313D4A371CA8B5").unwrap();
    let of_tdes = |length| hex(&mac::compute(MacMethod::Cmac, &tdes, &message[..length]).unwrap());
    assert_eq!(of_tdes(0), "B7A688E122FFAF95");
    assert_eq!(of_tdes(8), "8E8F293136283797");
    assert_eq!(of_tdes(20), "743DDBE0CE2DC2ED");
    assert_eq!(of_tdes(32), "33E6B1092400EAE5");
}

#[test]
fn a_mac_needs_a_key_of_its_algorithm() {
    let des = TdesKey::new(&[1; 8]).unwrap();
    let tdes_3 = TdesKey::new(&[1; 24]).unwrap();
    let aes = AesKey::new(&[1; 16]).unwrap();
    let refused = |result: Result<[u8; 8], KeyError>| result.unwrap_err().to_string();
    assert_eq!(
        refused(mac::compute(MacMethod::X9_19, &des, b"")),
        "a X9.19 MAC needs a TDES key of 16 bytes, the key is des"
    );
    refused(mac::compute(MacMethod::X9_19, &tdes_3, b""));
    refused(mac::compute(MacMethod::Cmac, &des, b""));
    for method in [MacMethod::X9_9, MacMethod::X9_19, MacMethod::CupEcb] {
        let error = mac::compute(method, &aes, b"").unwrap_err();
        let wanted = KeyError::WrongMacKey { method, algorithm: Algorithm::Aes128 };
        assert_eq!(error.to_string(), wanted.to_string());
    }
}

#[test]
fn an_empty_message_has_a_mac_too() {
    let key = TdesKey::from_hex("0123456789ABCDEF").unwrap();
    let zeros = mac::compute(MacMethod::X9_9, &key, &[0; 8]).unwrap();
    assert_eq!(mac::compute(MacMethod::X9_9, &key, b"").unwrap(), zeros);
    assert!(mac::check(MacMethod::X9_9, &key, b"", &zeros).unwrap());
}
