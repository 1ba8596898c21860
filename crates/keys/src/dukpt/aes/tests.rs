//! The examples of X9.24-3:2017, as published in the tests of github.com/openemv/dukpt
//! (`test/dukpt_aes128_test.c`, `test/dukpt_aes128_update_key_test.c`).

use super::*;
use crate::pan::Pan;
use crate::pin::{Pin, PinFormat, encrypt_block_with_fill};

const BASE: &str = "FEDCBA9876543210F1F1F1F1F1F1F1F1";
const INITIAL_KEY_ID: &str = "1234567890123456";
const INITIAL: &str = "1273671EA26AC29AFA4D1084127652A1";
const UPDATE_KEY: &str = "9A9770AEE1ACD1B13473D0463A1883B9";
const CARD: &[u8] = b"4111111111111111";
/// Fill of the PIN field `441234AAAAAAAAAA2F69ADDE2E9E7ACE`.
const RANDOM: &str = "2F69ADDE2E9E7ACE";

/// Serial number, transaction key, PIN key, PIN block, MAC key, data key.
const FIRST: [[&str; 6]; 8] = [
    [
        "123456789012345600000001",
        "4F21B565BAD9835E112B6465635EAE44",
        "AF8CB133A78F8DC2D1359F18527593FB",
        "A912150391AB65A67E52883D81CE2D15",
        "A2DC23DE6FDE0824A2BC321E08E4B8B7",
        "A35C412EFD41FDB98B69797C02DCD08F",
    ],
    [
        "123456789012345600000002",
        "2F34D68DE10F68D38091A73B9E7C437C",
        "D30BDC73EC9714B000BEC66BDB7B6D09",
        "52A00503BD34BA1383F6A7EE9FE2547F",
        "484C3B06E8562704528CD5B46FB12FB6",
        "D639514AA33AC43AD9229E433D6D4E5B",
    ],
    [
        "123456789012345600000003",
        "031504E530365CF81264238540518318",
        "7D69F01F3B45449F62C7816ECE723268",
        "A5A27E82B43A9A866A93D7ABE89CEF93",
        "A5DF7D9D800CA769766F0C77CA4E6E6C",
        "EF17F6AB45B4820C93A3DCB21BC491AD",
    ],
    [
        "123456789012345600000004",
        "0EEFC7ADA628BA68878DA9165A8A1887",
        "91A0588318EC2673214271F70137896E",
        "71B3D0528669498777555A8BE6698E44",
        "E6E4679647D8A9057C1FC15537CB4C4E",
        "B3BD44C08BB6BA27C3BB4711D7D70387",
    ],
    [
        "123456789012345600000005",
        "C2A7AC328A5DA2D6002D62465BFC028B",
        "35A43BC9EFEB09C756204B57E3FB7D4D",
        "881A7F77A2E04E5BEA985E342FD0B628",
        "0588185FE1FF8C7E22FAD78C1C61F065",
        "CA02DF6F30B39E14BD0B4A30E460920F",
    ],
    [
        "123456789012345600000006",
        "D30F7D9351DA58448A2F5E92B4EE3B7D",
        "02DCC6CD1201A3A2CA7099559C862123",
        "BDC1C3871AFB0B340AA5B5CEFD08695E",
        "7B60F72A5639C0EE7EB2100FA80BB793",
        "C9B8A7C4E486180B2229115164F0B293",
    ],
    [
        "123456789012345600000007",
        "A8253CEED9AC042C54F75D35C8352278",
        "6ECF912F3B18CA11A7A27BB60705FD09",
        "4A8E6B8C7DBEE6CBA6DC774F0CB83396",
        "BAA08CA263C69525BC6B1BA8F4275D69",
        "0FA8F1F0A2DD7B1005A862D77CDED698",
    ],
    [
        "123456789012345600000008",
        "718EE6CF0B27E53D5F7AF99C4D8146A2",
        "4D9DF3FBEE3448FC3E676D04320A90F5",
        "8308BB857C17F390369F761F8EB358FA",
        "6FD572E5D59E618875F193484F9178FB",
        "650F34204ABD4E57764D61AC3D266FB1",
    ],
];

/// Serial number and transaction key, later and at the end of the counter range.
const LATER: [[&str; 2]; 7] = [
    ["12345678901234560001FFFE", "E21E8C8D347F8561A2BE752DAA85A111"],
    ["123456789012345600020000", "F7AE9025468A25D37B7249CFFED224C8"],
    ["123456789012345600020001", "692C8EA4013645135B36497131DF9D2C"],
    ["1234567890123456FFFE2000", "48E585B694EB0B18D5C35443E163C0BA"],
    ["1234567890123456FFFE4000", "396C2C7CA1EA701C03B86B7D41F0C562"],
    ["1234567890123456FFFE8000", "0387625F189B58AE03EF0E8CCA41105E"],
    ["1234567890123456FFFF0000", "F6BA59389BD14A9855BE9727E7C52E3C"],
];

fn serial(text: &str) -> AesKeySerialNumber {
    AesKeySerialNumber::new(
        crate::hex::decode(text.as_bytes()).unwrap().as_slice().try_into().unwrap(),
    )
}

fn first_serial() -> AesKeySerialNumber {
    serial(&format!("{INITIAL_KEY_ID}00000000"))
}

fn key(text: &str) -> AesKey {
    AesKey::from_hex(text).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    crate::hex::encode(bytes)
}

fn check(transaction: &AesTransactionKey, row: &[&str; 6]) {
    let [serial, key, pin_key, pin_block, mac_key, data_key] = row;
    assert_eq!(hex(&transaction.bytes()), *key, "{serial}");
    let working = |usage| transaction.working_key(usage, Algorithm::Aes128).unwrap();
    let own_pin_key = working(WorkingKeyUsage::Pin);
    assert_eq!(hex(own_pin_key.expose()), *pin_key, "{serial}");
    assert_eq!(hex(working(WorkingKeyUsage::MacGeneration).expose()), *mac_key, "{serial}");
    assert_eq!(hex(working(WorkingKeyUsage::DataEncryption).expose()), *data_key, "{serial}");
    let pin = Pin::parse(b"1234").unwrap();
    let pan = Pan::parse(CARD).unwrap();
    let random = crate::hex::decode(RANDOM.as_bytes()).unwrap().as_slice().try_into().unwrap();
    let block =
        encrypt_block_with_fill(&pin, PinFormat::Iso4, &pan, &own_pin_key, &random).unwrap();
    assert_eq!(hex(block.as_bytes()), *pin_block, "{serial}");
}

#[test]
fn the_initial_key_is_the_published_one() {
    let initial = initial_key(&key(BASE), first_serial()).unwrap();
    assert_eq!(hex(initial.expose()), INITIAL);
}

#[test]
fn the_key_for_the_next_initial_key_is_the_published_one() {
    let update = update_key(&key(INITIAL), first_serial(), Algorithm::Aes128).unwrap();
    assert_eq!(hex(update.expose()), UPDATE_KEY);
}

/// The example of the supplement with a base key of 32 bytes (`test/dukpt_aes256_test.c`,
/// `test/dukpt_aes256_update_key_test.c`).
#[test]
fn a_base_key_of_32_bytes_gives_the_published_keys() {
    let base = key(&BASE.repeat(2));
    let initial = initial_key(&base, first_serial()).unwrap();
    let published = "CE9CE0C101D1138F97FB6CAD4DF045A7083D4EAE2D35A31789D01CCF0949550F";
    assert_eq!(hex(initial.expose()), published);
    let transactions = [
        (1, "54AC2B32B145EA4A554CB8BC44B17467063A799856B1CCC2A138D36E8DBF78B3"),
        (2, "5DD5A0253842BBBE1D7C0DA27021412C6F1FAB53FB928DEAE56DA06090A9DE97"),
        (0x0001_FFFE, "A289508CBF1228452CD86AB77B15CB35577AC828C18BB66681E5A16D6C9CCED3"),
        (0x0002_0001, "44110A1102748D4A3AC326F53D8CAC650212590CA7126D54546DDE0F20E89CEE"),
        (0xFFFE_2000, "4625EB06E4886D4AFCC9AE37ED4F4E4E1653C9E60E3F24742A87A26AA96AB7A6"),
    ];
    for (counter, published) in transactions {
        let transaction = transaction_key(&initial, first_serial().with_counter(counter)).unwrap();
        assert_eq!(hex(&transaction.bytes()), published);
    }
    let first = transaction_key(&initial, first_serial().with_counter(1)).unwrap();
    let working = |usage, algorithm| hex(first.working_key(usage, algorithm).unwrap().expose());
    let (short, long) = (Algorithm::Aes128, Algorithm::Aes256);
    assert_eq!(working(WorkingKeyUsage::Pin, short), "09C9C432966811D6B2C3336BAC1B1202");
    assert_eq!(
        working(WorkingKeyUsage::Pin, long),
        "8C1AB7BEE973829E30242E0BBBDD4946D540C98FC1B5BDCF94790001A23FD502"
    );
    assert_eq!(working(WorkingKeyUsage::MacGeneration, short), "F04A1FABD4176E15490CEC82E217A96D");
    assert_eq!(
        working(WorkingKeyUsage::DataEncryption, long),
        "71EB36C9A6B7F801D1D1700C29741FC5A5C4E9B45D742DA7AF6992B8AA29AF58"
    );
    let update = |algorithm| update_key(&initial, first_serial(), algorithm).unwrap();
    assert_eq!(hex(update(short).expose()), "90E54E4A70160C7E085C09D2B241D343");
    assert_eq!(
        hex(update(long).expose()),
        "AEFB210C136278A1279F7C8815F446DB8EBE2AA910B157AA4E6484D8DE9C4807"
    );
}

#[test]
fn the_host_derives_the_published_keys_of_every_counter() {
    let initial = key(INITIAL);
    for row in &FIRST {
        check(&transaction_key(&initial, serial(row[0])).unwrap(), row);
    }
    for [text, key] in LATER {
        let transaction = transaction_key(&initial, serial(text)).unwrap();
        assert_eq!(hex(&transaction.bytes()), key, "{text}");
    }
}

#[test]
fn a_terminal_derives_the_published_keys_in_order() {
    let mut terminal = AesDukptTerminal::new(&key(INITIAL), first_serial()).unwrap();
    for row in &FIRST {
        let (sent, transaction) = terminal.next_transaction().unwrap();
        assert_eq!(sent, serial(row[0]));
        check(&transaction, row);
    }
}

#[test]
fn a_terminal_near_its_end_skips_counters_with_more_than_sixteen_ones() {
    let mut terminal = at(0xFFFE_2000);
    let mut counters = Vec::new();
    for [_, key] in &LATER[3..] {
        let (serial, transaction) = terminal.next_transaction().unwrap();
        assert_eq!(hex(&transaction.bytes()), *key);
        counters.push(serial.counter());
    }
    assert_eq!(counters, [0xFFFE_2000, 0xFFFE_4000, 0xFFFE_8000, 0xFFFF_0000]);
    assert!(matches!(terminal.next_transaction(), Err(KeyError::KeysExhausted)));
}

/// A terminal at this counter, with the keys that it holds then.
fn at(counter: u32) -> AesDukptTerminal {
    let serial = first_serial();
    let mut terminal = AesDukptTerminal::new(&key(INITIAL), serial).unwrap();
    let (mut reached, mut own) = (0, key(INITIAL));
    for bit in (0..u32::BITS).rev().filter(|bit| counter >> bit & 1 == 1) {
        reached |= 1 << bit;
        own = next(&own, serial.register(reached)).unwrap();
        if reached == counter {
            terminal.future[bit as usize] = Some(own.clone());
        } else {
            terminal.fill(&own, reached, bit).unwrap();
        }
    }
    terminal.counter = Some(counter);
    terminal
}

#[test]
fn host_and_terminal_agree_for_a_thousand_transactions_at_each_key_length() {
    for bytes in [16, 24, 32] {
        let base = AesKey::new(&vec![0x5A; bytes]).unwrap();
        let initial = initial_key(&base, first_serial()).unwrap();
        assert_eq!(initial.expose().len(), bytes);
        let mut terminal = AesDukptTerminal::new(&initial, first_serial()).unwrap();
        for _ in 0..1_000 {
            let (serial, transaction) = terminal.next_transaction().unwrap();
            let of_host = transaction_key(&initial, serial).unwrap();
            assert_eq!(transaction.bytes(), of_host.bytes(), "{serial:?}");
        }
    }
}

#[test]
fn a_counter_that_no_terminal_can_have_is_refused() {
    for counter in [0, 0x0001_FFFF, u32::MAX] {
        let serial = first_serial().with_counter(counter);
        assert!(matches!(
            transaction_key(&key(INITIAL), serial),
            Err(KeyError::InvalidSerialCounter)
        ));
    }
}

#[test]
fn no_working_key_is_stronger_than_the_key_it_comes_from() {
    let transaction = transaction_key(&key(INITIAL), first_serial().with_counter(1)).unwrap();
    assert!(transaction.working_key(WorkingKeyUsage::Pin, Algorithm::Aes256).is_err());
    assert!(transaction.working_key(WorkingKeyUsage::Pin, Algorithm::Des).is_err());
    assert!(transaction.working_key(WorkingKeyUsage::Pin, Algorithm::Tdes2).is_ok());
}
