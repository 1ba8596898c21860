//! The examples of X9.24-1:2009, as published in the tests of github.com/openemv/dukpt
//! (`test/dukpt_tdes_test.c`).

use super::*;
use crate::mac::{self, MacMethod};
use crate::pan::Pan;
use crate::pin::{Pin, PinFormat, encrypt_block, encrypt_block_with_fill};

const BASE: &str = "0123456789ABCDEFFEDCBA9876543210";
const SERIAL: &str = "FFFF9876543210E00000";
const INITIAL: &str = "6AC292FAA1315B4D858AB3A3D7D5933A";
/// Format 0 field of PIN 1234 and the card number below.
const PIN_FIELD: &str = "041274EDCBA9876F";
const CARD: &[u8] = b"4012345678909";
const MESSAGE: &[u8] = b"4012345678909D987";

/// Serial number, transaction key, PIN block, MAC of request and of response (X9.19, four bytes),
/// CMAC of request and of response.
const FIRST: [[&str; 7]; 21] = [
    [
        "FFFF9876543210E00001",
        "042666B49184CFA368DE9628D0397BC9",
        "1B9C1845EB993A7A",
        "9CCC7817",
        "20364223",
        "211003F1D5B79DD7",
        "82CC2B9B9EC710A6",
    ],
    [
        "FFFF9876543210E00002",
        "C46551CEF9FD24B0AA9AD834130D3BC7",
        "10A01C8D02C69107",
        "F608A9BC",
        "D1FCA6BE",
        "4BA08A38CEEAF378",
        "85E93BAC519203AC",
    ],
    [
        "FFFF9876543210E00003",
        "0DF3D9422ACA56E547676D07AD6BADFA",
        "18DC07B94797B466",
        "20B59A4F",
        "BAD4CC9C",
        "011D64E245203501",
        "1D64CC655C4ABAEF",
    ],
    [
        "FFFF9876543210E00004",
        "279C0F6AEED0BE652B2C733E1383AE91",
        "0BC79509D5645DF7",
        "C7BFA6CC",
        "1EB08AEE",
        "293A4DAE35BD9A5B",
        "F51F47C89C7E0047",
    ],
    [
        "FFFF9876543210E00005",
        "5F8DC6D2C845C125508DDC048093B83F",
        "5BC0AF22AD87B327",
        "0202B963",
        "5CBE3E81",
        "2E1FC7D330CA6935",
        "3210F49A556B7635",
    ],
    [
        "FFFF9876543210E00006",
        "5E415CB0BAF9F03CD0C14B63FB62FF43",
        "A16DF70AE36158D8",
        "CF6C72E6",
        "C60D38E8",
        "2172CAD92D8E2643",
        "1262CCAA534C5CA2",
    ],
    [
        "FFFF9876543210E00007",
        "0C8F780B7C8B49D0AE84A9EB2A6CE660",
        "27711C16CB257F8E",
        "B11EB0D9",
        "053EFD39",
        "CD19DFD6765E2671",
        "FA55CEFF48FFB95D",
    ],
    [
        "FFFF9876543210E00008",
        "27F66D5244FF62E1AA6F6120EDEB4280",
        "50E55547A5027551",
        "3679055B",
        "7FACA91D",
        "EC08F36B4C4D3564",
        "A7F5F5FF0CF24BAE",
    ],
    [
        "FFFF9876543210E00009",
        "27E31064FDC565698900E2057F658E7E",
        "536CF7F678ACFC8D",
        "26AA23DC",
        "37F17B8F",
        "E62D342E24AAC2FC",
        "C36ECC58DC74A17E",
    ],
    [
        "FFFF9876543210E0000A",
        "6CF2500A22507C7CC776CEADC1E33014",
        "EDABBA23221833FE",
        "1632621C",
        "CE038CC9",
        "6B2D74E69A28ED7B",
        "8A7D022E0AF9FF26",
    ],
    [
        "FFFF9876543210E0000B",
        "3E8260BA04B2D620C01482B3819A18B7",
        "2328981C57B4BDBA",
        "76D95CB4",
        "27C9FA5E",
        "491ED0E8FD692995",
        "599E8CD08EE3A2C6",
    ],
    [
        "FFFF9876543210E0000C",
        "B716E1E11CF53D80726CAEE75C3A624F",
        "038D03CC926CF286",
        "BAD9D84D",
        "6D2ECC6A",
        "0A169718B2EE9C9C",
        "43EA8F371652CB41",
    ],
    [
        "FFFF9876543210E0000D",
        "E072EDF95340535FB6C581C58FBF2533",
        "6C8AA97088B62C68",
        "AAAFB598",
        "7E40B492",
        "1AB755B04273E8DC",
        "4E4F5A88BB2887E0",
    ],
    [
        "FFFF9876543210E0000E",
        "A80046087F5B8F245AAD95E18429084F",
        "F17C9E1D72CD4950",
        "4EC79532",
        "55233989",
        "6B713E41C3C68719",
        "3678CAF221A0FCC6",
    ],
    [
        "FFFF9876543210E0000F",
        "93DD5B956C4878472E453AAEFD32A5AA",
        "B170F6E7F7F2F64A",
        "82500D05",
        "AFE23CBA",
        "CB7194BDEF5484C7",
        "515FA5818568DB32",
    ],
    [
        "FFFF9876543210E00010",
        "59598DCBD9BD94C094165CE453585F57",
        "D5D9638559EF53D6",
        "D39D3A59",
        "9E933C88",
        "02E5C57C3BE193AC",
        "E66012C67D26DE0E",
    ],
    [
        "FFFF9876543210E00011",
        "2B5F01F4F0CC05EA639D523231BF1BA2",
        "D544F8CDD292C863",
        "F094AF93",
        "631E7B39",
        "468D652ACE1B0FE2",
        "BB6437026AC0A53D",
    ],
    [
        "FFFF9876543210E00012",
        "9CF640F279C2AEE615F725EEEAC2CBAF",
        "7A21BD10F36DC41D",
        "A819AF04",
        "E93F5E27",
        "22A2F38B63B903F7",
        "82E87BC1DBA843E2",
    ],
    [
        "FFFF9876543210E00013",
        "C3DF489FDF1153B4F03DE97C27DC4C2F",
        "78649BD17D0DFA60",
        "79285A17",
        "FCE7A5A5",
        "4C751416E655769C",
        "F598CACCCC066945",
    ],
    [
        "FFFF9876543210E00014",
        "658488507721B3F14737FA93F923CBD2",
        "7E7E16EA0C31AD56",
        "E2B2637F",
        "A10E94AA",
        "B9468A938E200B13",
        "7329404F8509EEC1",
    ],
    [
        "FFFF9876543210E00015",
        "E161D1956A61F6D2F37AFD7F9CC3699A",
        "72105C22EBC791E6",
        "B2033EBD",
        "BDA3AEE1",
        "F738E1BDB61538C8",
        "40BD2F3386FE2CE6",
    ],
];

/// The same, at the end of the counter range.
const LAST: [[&str; 7]; 13] = [
    [
        "FFFF9876543210EFF800",
        "F9CDFEBF4F5B1D9EB3EC12454527E176",
        "33365F5CC6F23C35",
        "23E3CB62",
        "5776C376",
        "863293575AA468D7",
        "8E70A73A61185B55",
    ],
    [
        "FFFF9876543210EFF801",
        "5BEE92627E97825C911BF619DF72CA3B",
        "3A86BF003F835C9D",
        "97623632",
        "69D1EF47",
        "9FC97AEB6623500D",
        "1A0BC04A517375FB",
    ],
    [
        "FFFF9876543210EFF802",
        "64CA2F8AB93F61B01620B00BF77C7301",
        "3DB977D05C36DF3F",
        "72608521",
        "BF7036B7",
        "FD1FDB89F6BBE6E2",
        "FA9521FEFE2C4A46",
    ],
    [
        "FFFF9876543210EFF804",
        "35A168695B3BA83307E871C42021DD37",
        "BA83243305712099",
        "D86687B7",
        "645A0A18",
        "193EA8355FBCC1B7",
        "E3BFA1458E75DD35",
    ],
    [
        "FFFF9876543210EFF808",
        "12C380FCB72ED3C26FC6079AF63F4787",
        "B0DA04AC90A36D85",
        "5E00713D",
        "E8D8026A",
        "0133FCF11E332FAE",
        "AA726F3F63E800A7",
    ],
    [
        "FFFF9876543210EFF810",
        "D8007C833A1E3C49C6889B97A68C54FF",
        "2CF02BD9C309EEDA",
        "1BCCF968",
        "9623FF45",
        "5EE7C5E80F1E7D40",
        "1BFAC9BBBCC19AE9",
    ],
    [
        "FFFF9876543210EFF820",
        "A9C9FF9B735FDD49591F296B0BF0FD70",
        "9D1E2F77AEEE81C6",
        "2F6D2191",
        "FF864D19",
        "01847D97445DDEBE",
        "30E769C7EA0A3B09",
    ],
    [
        "FFFF9876543210EFF840",
        "0E3E221062CB5E03A384602783A004FA",
        "40870B0F8BA2011C",
        "4DA4CBAC",
        "3CE7AD50",
        "2A2020B7F9753FA7",
        "08BF524BD1A7F45F",
    ],
    [
        "FFFF9876543210EFF880",
        "CA8225C587124DFBB87F279C0BE29727",
        "22E340D6ABB40981",
        "95C43BC2",
        "73D03F0B",
        "CD5561C8FD29A6F7",
        "FA443C7457AD3066",
    ],
    [
        "FFFF9876543210EFF900",
        "906AAC1751D4971A144D52C76C6E1F97",
        "1A4C10AFBA03A430",
        "D6BEAA71",
        "5D461B71",
        "D9270E022F9A8C4A",
        "CB3C15FCE7591682",
    ],
    [
        "FFFF9876543210EFFA00",
        "2B9E2CE7C2750337E10B54D2989EA6AF",
        "849763B43E5F9CFF",
        "93930C9F",
        "531DA5F9",
        "4954EFE9E3125B2D",
        "2A5AE1B2D2BDE612",
    ],
    [
        "FFFF9876543210EFFC00",
        "F9430DF975082491C77BE4EF4FDB91EE",
        "DEFC6F09F8927B71",
        "2917C6EF",
        "AA8D2DA6",
        "83562314178518ED",
        "228289A6467F6E8D",
    ],
    [
        "FFFF9876543210F00000",
        "AA4D58DB653EC74A48C75F2F047DD2B5",
        "73EC88AD0AC5830E",
        "7DFA9315",
        "1444BEC3",
        "59B80A1E671114F3",
        "30B60912D34F1348",
    ],
];

fn serial(text: &str) -> TdesKeySerialNumber {
    TdesKeySerialNumber::new(
        crate::hex::decode(text.as_bytes()).unwrap().as_slice().try_into().unwrap(),
    )
}

fn key(text: &str) -> TdesKey {
    TdesKey::from_hex(text).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    crate::hex::encode(bytes)
}

/// Checks all published values of a transaction.
fn check(transaction: &TdesTransactionKey, row: &[&str; 7]) {
    let [serial, key, pin_block, request, response, cmac_request, cmac_response] = row;
    assert_eq!(hex(&transaction.bytes()), *key, "{serial}");
    let pin = Pin::parse(b"1234").unwrap();
    let pan = Pan::parse(CARD).unwrap();
    let pin_key = transaction.pin_key().unwrap();
    let block = encrypt_block_with_fill(&pin, PinFormat::Iso0, &pan, &pin_key, &[0; 8]).unwrap();
    assert_eq!(hex(block.as_bytes()), *pin_block, "{serial}");
    let request_key = transaction.request_mac_key().unwrap();
    let response_key = transaction.response_mac_key().unwrap();
    let mac = |method, key| hex(&mac::compute(method, key, MESSAGE).unwrap());
    assert_eq!(&mac(MacMethod::X9_19, &request_key)[..8], *request, "{serial}");
    assert_eq!(&mac(MacMethod::X9_19, &response_key)[..8], *response, "{serial}");
    assert_eq!(mac(MacMethod::Cmac, &request_key), *cmac_request, "{serial}");
    assert_eq!(mac(MacMethod::Cmac, &response_key), *cmac_response, "{serial}");
}

#[test]
fn the_initial_key_is_the_published_one() {
    let initial = initial_key(&key(BASE), serial(SERIAL)).unwrap();
    assert_eq!(hex(initial.expose()), INITIAL);
}

#[test]
fn the_pin_field_is_the_published_one() {
    let field = TdesKey::from_hex(BASE).unwrap();
    let pin = Pin::parse(b"1234").unwrap();
    let pan = Pan::parse(CARD).unwrap();
    let block = encrypt_block(&pin, PinFormat::Iso0, &pan, &field).unwrap();
    let mut plain = block.as_bytes().to_vec();
    field.decrypt(&mut plain).unwrap();
    assert_eq!(hex(&plain), PIN_FIELD);
}

#[test]
fn the_host_derives_the_published_keys_of_every_counter() {
    let initial = initial_key(&key(BASE), serial(SERIAL)).unwrap();
    for row in FIRST.iter().chain(&LAST) {
        check(&transaction_key(&initial, serial(row[0])).unwrap(), row);
    }
}

#[test]
fn a_terminal_derives_the_published_keys_in_order() {
    let mut terminal = TdesDukptTerminal::new(&key(INITIAL), serial(SERIAL)).unwrap();
    for row in &FIRST {
        let (sent, transaction) = terminal.next_transaction().unwrap();
        assert_eq!(sent, serial(row[0]));
        check(&transaction, row);
    }
}

#[test]
fn a_terminal_near_its_end_skips_counters_with_more_than_ten_ones() {
    let mut terminal = at(0x0F_F800);
    let mut sent = Vec::new();
    for row in &LAST {
        let (serial, transaction) = terminal.next_transaction().unwrap();
        check(&transaction, row);
        sent.push(hex(&serial.bytes()));
    }
    let published: Vec<&str> = LAST.iter().map(|row| row[0]).collect();
    assert_eq!(sent, published);
}

#[test]
fn a_terminal_that_has_used_its_last_key_fails() {
    let mut terminal = at(0x1F_F800);
    assert_eq!(terminal.next_transaction().unwrap().0.counter(), 0x1F_F800);
    assert!(matches!(terminal.next_transaction(), Err(KeyError::KeysExhausted)));
}

/// A terminal at this counter, with the keys that it holds then.
fn at(counter: u32) -> TdesDukptTerminal {
    let initial = key(INITIAL);
    let serial = serial(SERIAL);
    let mut terminal = TdesDukptTerminal::new(&initial, serial).unwrap();
    let bits: Vec<u32> = (0..COUNTER_BITS).rev().filter(|bit| counter >> bit & 1 == 1).collect();
    let (mut reached, mut own) = (0, Halves::of(&initial).unwrap());
    for bit in bits {
        reached |= 1 << bit;
        own = own.next(serial.register(reached)).unwrap();
        if reached == counter {
            terminal.future[bit as usize] = Some(own.clone());
        } else {
            terminal.fill(&own, reached, bit).unwrap();
        }
    }
    terminal.counter = counter;
    terminal
}

#[test]
fn host_and_terminal_agree_for_a_thousand_transactions() {
    let initial = key(INITIAL);
    let mut terminal = TdesDukptTerminal::new(&initial, serial(SERIAL)).unwrap();
    for _ in 0..1_000 {
        let (serial, transaction) = terminal.next_transaction().unwrap();
        let of_host = transaction_key(&initial, serial).unwrap();
        assert_eq!(transaction.bytes(), of_host.bytes(), "{serial:?}");
    }
}

#[test]
fn a_counter_that_no_terminal_can_have_is_refused() {
    let initial = key(INITIAL);
    for counter in [0, 0x0F_FFFF, 0x00_07FF] {
        let serial = serial(SERIAL).with_counter(counter);
        assert!(matches!(transaction_key(&initial, serial), Err(KeyError::InvalidSerialCounter)));
    }
}

#[test]
fn a_data_key_is_its_variant_encrypted_under_itself() {
    let initial = key(INITIAL);
    let transaction = transaction_key(&initial, serial("FFFF9876543210E00001")).unwrap();
    // Computed by the Python package psec from the transaction key and the masks of A.4.1.
    assert_eq!(
        hex(transaction.request_data_key().unwrap().expose()),
        "448D3F076D8304036A55A3D7E0055A78"
    );
    assert_eq!(
        hex(transaction.response_data_key().unwrap().expose()),
        "AD7BFC8B06AD3A08A560B4105CF8D9E5"
    );
}
