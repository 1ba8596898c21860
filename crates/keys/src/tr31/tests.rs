//! Key blocks from other implementations: the examples of TR-31:2018 and of a payShield 10k HSM, as
//! published in the tests of github.com/openemv/tr31 (`test/tr31_decrypt_test.c`), and blocks
//! written by the Python package psec 1.3.0. psec also opens the blocks that this crate writes.

use proptest::prelude::*;

use super::*;

/// Wrapping key, wrapped key, key block.
type Example = (&'static str, &'static str, &'static str);

const PUBLISHED: [Example; 6] = [
    // payShield 10k
    (
        "EFE0853B256B583D868F251CE99EA1D9",
        "5DB50B454F8389ADCE573BE50861F2BF",
        "B0080K0TN00N00001C414014375212C24995E405B5EE052CB92B67F455EA2680F6751088F9F1C228",
    ),
    // TR-31:2018, A.7.2.2
    (
        "DD7515F2BFC17F85CE48F3CA25CB21F6",
        "3F419E1CB7079442AA37474C2EFBF8B8",
        "B0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248E",
    ),
    // TR-31:2018, A.7.3.2
    (
        "1D22BF32387C600AD97F9B97A51311AC",
        "E8BC63E5479455E26577F715D587FE68",
        "B0104B0TX12S0100KS1800604B120F9292800000BB68BE8680A400D9191AD4ECE45B6E6C0D21C473\
         8A52190E248719E24B433627",
    ),
    // TR-31:2018, A.7.4
    (
        "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6",
        "3F419E1CB7079442AA37474C2EFBF8B8",
        "D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A2\
         7E8E31DA05F7425509593D03A457DC34",
    ),
    // payShield 10k
    (
        "4141414141414141414141414141414141414141414141414141414141414141",
        "1FA1F7CEC798D91545DA8AE0C7796BD9",
        "D0112B0TN00N000037DB9B046B7B0048785690759580ABC3B9842AB4BB7717B49E92528E575785D8\
         123559376A2553B27BE94F054F4E971C",
    ),
    // payShield 10k
    (
        "4141414141414141414141414141414141414141414141414141414141414141",
        "BE19E6A07A760F10EF8E83A226B63AAD141F463FDDD4F47DB244B4023EC3CACC",
        "D0144D0AN00N0000127862F945C2DED04530FAF7CDBC8B0BA10C7AA79BD5E0C2C5D6AC173BF588E4\
         B19ACF1357178D50EA0AB193228E13958304FC6149632DFDCADF3A5B3D57E814",
    ),
];

/// All lengths of wrapping and wrapped keys, optional blocks, one of them with extended length.
const WRITTEN_BY_PSEC: [Example; 9] = [
    (
        "82B70EEE7F1A5039BEF07EC2347F066E",
        "D08F5DC7512447E3404300026B6E5455",
        "B0096P0TB00E000099D905F1A09F95D99177AAB8FE19A158187D1DF82DA5156C2761FE431E5CA08F\
         CC7E3EBA7CE08A9C",
    ),
    (
        "94A065685D64C4980BB8D4544A8721A99A01AD219EB59CF6",
        "A15EF6F15A1D830BB7CE09D6BBC004E7175C643C7DECB0B5",
        "B0096K0TB00E0000EA80EE2D56F087C0796F46F36000D0FE67C865792D099947EDC006089C2F2F94\
         A14A6C6DE17ACEFC",
    ),
    (
        "80EC37BC9712DD2E6AAEB94BAE8D2F9F",
        "A29C5A284C9EF752",
        "B0128M1DC00E0200LB14acquirer MAC keyPB0C00000000FCA5D9D82BE310FC8C1438E172379E35\
         B16402931A08EB6E2010751D86BDF16A66526963222A6421",
    ),
    (
        "1829CF1079B080E9D74A1C10FCAB6A42",
        "43D33656DEBE4C1ED79648E856E8F9A2F58C95F0CE4B39C15BFFAD5C2DFB8BB8",
        "B0152M6AC00E0300KS1800604B120F9292800000LB05aPB0B0000000A22E98E6179B15ECFDB6E8F1\
         1D72545C41F1CAD79EA8B3600E5511BC9C1AE7AD250DFABC37920F926D2528FFEC7E17E3",
    ),
    (
        "20B6119CBA8FF88796AE5B05F280A68C",
        "ED93B6B28CB0D1B358E6BAAB485565B9",
        "D0112P0TE00E00005DC4D2B733974BC28F10E587126BD742AA9CC59D7B402383393D8F32DB5EFE21\
         AEA55FB4C1DC3F42829ECC21A708D1BA",
    ),
    (
        "F49028D557D79A8A0E6451E15C705C15F173541B4438A25C",
        "F76312D4EEB3C2246879BF00B3CF8ED1",
        "D0176M6AG00E0200LB11network/zmk#1PB0F0000000000099C8A89F1536E1AF85804E9F2BAF67F6\
         88D173686FC0300A5BB300FF0906CF808678D6B794F9917AAE34EABA50C6B5805DA4F8D288B6524E\
         28AEE3AB3AFC840B",
    ),
    (
        "3ABF129A3097AD96B442D6D1BDEF4850C3F465442EB300C337A648A6C0DBDD73",
        "FC95F5C2C451859AFE80D40AA39DFB9249F40C3EE37D961445C806F58C7CF212",
        "D0144K1AB00E00004195D081C56DCEF4CB8372366484AA65753C16E086B6786B5D351CDE875DB83D\
         B8FE4015A8774FD461B978F9B4818BDAA6F35993D3FF9F6C9CA0A4BCDBA4102B",
    ),
    (
        "7DFA894F9296FCF33C08409990AC970DEDB3B843120181E9376107DBDAF6C5F3",
        "C86497EE219B01DD92F19F4954F4FEA94ED9182375882B20",
        "D0400M3TC00E0300TS182013-02-25T08:00:00ZLBFFxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxPB090000054FB9E3EFDB8FDE7\
         4BD3DE1BA169693DBA6C844A9131E8072E55D5CA3767072FA423E6EEFD0BBBA5AB97D8D85AF054B0",
    ),
    (
        "0DAADB23CFF9193F3E70384495E04C5D5ED352226D1637C2248F1D3CCC4405DD",
        "2EA1FAFAB4BF1C46",
        "D0432M1TC00E0200LB00020136yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\
         yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\
         yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\
         yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\
         yyyyyyPB0A00000040222A016FE0575D33996B87AEA69A7C8BB9F54E3244C7B31620DF738CF4037A\
         646CA2ECB4934689E4C6ED876E23E0F0",
    ),
];

/// Written by this crate with a fill of zeros, opened by psec.
const OPENED_BY_PSEC: [Example; 5] = [
    (
        "0011223344556677FEDCBA9876543210",
        "0011223344556677FEDCBA9876543210",
        "B0096P0TB00E000078210280623028E2FA31969DBCDA57175756F1587EF6A9203F38989CD20C9F08\
         28804BE139BB5A99",
    ),
    (
        "0011223344556677FEDCBA98765432100011223344556677",
        "0011223344556677",
        "B0104M1DC00E0100LB08doorBFBAEABE01C94BE989B7059AA6E01EB69CAAB23784BAC4877984A274\
         EB4899BF77869956C1945AFF",
    ),
    (
        "00112233445566778899AABBCCDDEEFF",
        "0011223344556677FEDCBA98765432100011223344556677",
        "D0384K0TB00E0200LBFFxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
         xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxPB1100000000000007B4CACE9C2A017E81E71EBE6CA9FB816\
         FE9A626C9EC9EA677C761F11A5D4A9250F368830DDC54C705806B12412DA84B9",
    ),
    (
        "00112233445566778899AABBCCDDEEFF0123456789ABCDEF",
        "00112233445566778899AABBCCDDEEFF0123456789ABCDEF",
        "D0144M6AC00E0000B05D56E7AC408C2D44089E26FCFE6A934E743C2308D6DBFB6F66826B89AA469B\
         AAD0AD3B48B1386D7DFCEA9ADA7F4E0B202F7DD4FC41FE3F061FF4CCFFFE0470",
    ),
    (
        "00112233445566778899AABBCCDDEEFF0123456789ABCDEF0123456789ABCDEF",
        "00112233445566778899AABBCCDDEEFF0123456789ABCDEF0123456789ABCDEF",
        "D0176K1AB00E0200LB11network/zmk#1PB0F000000000003285F1B399C49AE92E052BBE6B577F87\
         153BB2AE4AABC43F790E0C18FE53D21BEED4AE1119BDFB43DDDFB27B8F15E75D1A0E60DA4D9431ED\
         F43E574949AADFD8",
    ),
];

fn under(text: &str, block: &str) -> Key {
    if block.starts_with('B') {
        TdesKey::from_hex(text).unwrap().into()
    } else {
        AesKey::from_hex(text).unwrap().into()
    }
}

fn opened(under_key: &str, block: &str) -> Result<(KeyBlockHeader, Key), KeyError> {
    unwrap(&under(under_key, block), block)
}

#[test]
fn blocks_of_other_implementations_open_to_their_keys() {
    for (under_key, key, block) in PUBLISHED.iter().chain(&WRITTEN_BY_PSEC).chain(&OPENED_BY_PSEC) {
        let (_, found) = opened(under_key, block).unwrap();
        assert_eq!(hex::encode(found.expose()), *key, "{block}");
    }
}

#[test]
fn the_header_has_the_attributes_of_the_key() {
    let (under_key, _, block) = PUBLISHED[2];
    let (header, key) = opened(under_key, block).unwrap();
    assert_eq!(header.usage.to_string(), "B0");
    assert_eq!(header.optional(*b"KS"), Some("00604B120F9292800000"));
    assert_eq!((header.mode, header.key_version, header.exportability), (b'X', *b"12", b'S'));
    assert_eq!(key.check_value().to_string(), "9A4212");
}

#[test]
fn a_block_is_written_as_it_was_read() {
    for (under_key, _, block) in &OPENED_BY_PSEC {
        let (header, key) = opened(under_key, block).unwrap();
        let under = under(under_key, block);
        let written = wrap_with_fill(&under, &header, &key, |_| Ok(())).unwrap();
        assert_eq!(written, *block);
        let filled_at_random = wrap(&under, &header, &key).unwrap();
        assert_ne!(filled_at_random, *block);
        assert!(unwrap(&under, &filled_at_random).unwrap().1.is_same(&key));
    }
}

#[test]
fn a_change_of_any_bit_of_a_block_is_found() {
    for (under_key, _, block) in PUBLISHED.iter().chain(&WRITTEN_BY_PSEC) {
        for offset in 0..block.len() {
            for bit in 0..8 {
                let mut bytes = block.as_bytes().to_vec();
                bytes[offset] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(unwrap(&under(under_key, block), &changed).is_err(), "{changed}");
            }
        }
    }
}

#[test]
fn a_block_that_is_cut_or_longer_or_under_another_key_is_refused() {
    for (under_key, _, block) in PUBLISHED.iter().chain(&WRITTEN_BY_PSEC) {
        for end in 0..block.len() {
            assert!(opened(under_key, &block[..end]).is_err());
        }
        assert!(opened(under_key, &format!("{block}00")).is_err());
        assert!(opened(under_key, &block.replacen("00", "0\u{fc}", 1)).is_err());
        let mut other = hex::decode(under_key.as_bytes()).unwrap();
        other[3] ^= 2;
        let error = opened(&hex::encode(&other), block).unwrap_err();
        assert!(matches!(error, KeyError::KeyBlock(KeyBlockError::WrongMac)));
    }
}

#[test]
fn a_version_needs_a_wrapping_key_of_its_algorithm() {
    let tdes = Key::from(TdesKey::new(&[7; 16]).unwrap());
    let des = Key::from(TdesKey::new(&[7; 8]).unwrap());
    let aes = Key::from(AesKey::new(&[7; 16]).unwrap());
    let (b, d) = (PUBLISHED[0].2, PUBLISHED[3].2);
    for (key, block) in [(&tdes, d), (&aes, b), (&des, b)] {
        let error = unwrap(key, block).unwrap_err();
        assert!(
            matches!(error, KeyError::KeyBlock(KeyBlockError::WrongWrappingKey { .. })),
            "{error}"
        );
    }
    let of_version_a = b.replacen('B', "A", 1);
    let error = unwrap(&tdes, &of_version_a).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key block has version A; only B (TDES) and D (AES) are supported"
    );
}

fn a_key() -> impl Strategy<Value = Key> {
    let algorithm = prop::sample::select(Algorithm::ALL.to_vec());
    (algorithm, prop::array::uniform32(any::<u8>())).prop_map(|(algorithm, bytes)| {
        Key::new(algorithm, &bytes[..algorithm.key_bytes()]).unwrap()
    })
}

fn a_header(version: KeyBlockVersion) -> impl Strategy<Value = KeyBlockHeader> {
    let optional = ("[A-OQ-Z][0-9]", "[ -~]{0,251}").prop_map(|(id, value)| OptionalHeaderBlock {
        id: id.as_bytes().try_into().unwrap(),
        value,
    });
    prop::collection::vec(optional, 0..4).prop_map(move |optional| KeyBlockHeader {
        version,
        usage: KeyUsage(*b"P0"),
        algorithm: b'T',
        mode: b'B',
        key_version: *b"00",
        exportability: b'E',
        optional,
    })
}

proptest! {
    #[test]
    fn any_key_is_the_same_after_wrap_and_unwrap(
        under in a_key(),
        key in a_key(),
        header_b in a_header(KeyBlockVersion::B),
        header_d in a_header(KeyBlockVersion::D),
    ) {
        let Some(version) = KeyBlockVersion::under(under.algorithm()) else { return Ok(()) };
        let mut header = if version == KeyBlockVersion::B { header_b } else { header_d };
        header.algorithm = if key.algorithm().is_aes() { b'A' } else { b'T' };
        let block = wrap(&under, &header, &key).unwrap();
        let (read, found) = unwrap(&under, &block).unwrap();
        prop_assert_eq!(read, header);
        prop_assert!(found.is_same(&key));
        let shown = format!("{found:?}{under:?}");
        prop_assert!(!shown.contains(&hex::encode(&key.expose()[..4])));
    }

    #[test]
    fn no_text_makes_unwrap_panic(text in "[BD][0-9]{4}[ -~]{0,200}") {
        let length = text.len();
        let text = format!("{}{length:04}{}", &text[..1], &text[5..]);
        prop_assert!(unwrap(&AesKey::new(&[1; 16]).unwrap(), &text).is_err());
        prop_assert!(unwrap(&TdesKey::new(&[1; 16]).unwrap(), &text).is_err());
    }
}
