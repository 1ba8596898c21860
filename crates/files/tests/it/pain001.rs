//! Payouts as pain.001.001.09, checked against the official schema by xmllint.

use std::fs;
use std::process::Command;

use files::pain001::{
    AccountScheme, BankAccount, BankAgent, BankIdentifierError, CreditTransfer,
    CreditTransferError, CreditTransferInitiation, CreditTransferPart, MessageTotals, Party,
    PaymentInformation, TextProblem, write,
};
use money::{Amount, Currency};

use crate::support::{folder, real};

fn debtor(account: &str) -> Party {
    Party {
        name: "Doorstep Pagamentos S.A.".to_owned(),
        account: BankAccount::Other { id: account.to_owned(), scheme: None },
        agent: BankAgent::Bic("BRASBRRJ".parse().unwrap()),
    }
}

fn seller(name: &str) -> Party {
    Party {
        name: name.to_owned(),
        account: BankAccount::Iban("BR15 0000 0000 0000 1093 2840 814P 2".parse().unwrap()),
        agent: BankAgent::Other("NOTPROVIDED".to_owned()),
    }
}

fn transfer(payout: &str, minor: u64) -> CreditTransfer {
    let (payout, amount) = (payout.to_owned(), Amount::of(minor));
    CreditTransfer {
        payout,
        amount,
        creditor: seller("Loja & Filhos <São Paulo>"),
        remittance: None,
    }
}

fn message() -> CreditTransferInitiation {
    let brl = [transfer("P-2026-000001", 3_590), transfer("P-2026-000002", 1)];
    CreditTransferInitiation {
        message_id: "DOORSTEP-20260331-01".to_owned(),
        created_at_ms: 1_774_947_900_000,
        execution_date: jiff::civil::date(2026, 4, 1),
        initiator: "Doorstep Pagamentos S.A.".to_owned(),
        payments: vec![PaymentInformation {
            currency: Currency::BRL,
            debtor: debtor("0001-5"),
            transfers: brl.to_vec(),
        }],
    }
}

/// A message with every optional part.
fn rich_message() -> CreditTransferInitiation {
    let mut message = message();
    let china = Party {
        name: "张三的店（深圳）有限公司".to_owned(),
        account: BankAccount::Other {
            id: "6222020200112230000".to_owned(),
            scheme: Some(AccountScheme::Code("BBAN".to_owned())),
        },
        agent: BankAgent::Clearing {
            system: "CNAPS".to_owned(),
            member: "102584000001".to_owned(),
        },
    };
    let proprietary = BankAccount::Other {
        id: "33".to_owned(),
        scheme: Some(AccountScheme::Proprietary("wallet".to_owned())),
    };
    let jpy = CreditTransfer {
        payout: "x".repeat(35),
        amount: Amount::of(500),
        creditor: Party { account: proprietary, name: "n".repeat(140), ..seller("") },
        remittance: Some("Repasse de março: 3 pedidos".to_owned()),
    };
    let cny = CreditTransfer { creditor: china, ..transfer("P-2026-000003", 999_999_999_999) };
    let tnd = transfer("P-2026-000004", 1_234_567);
    for (currency, transfer) in [(Currency::CNY, cny), (Currency::JPY, jpy), (Currency::TND, tnd)] {
        message.payments.push(PaymentInformation {
            currency,
            debtor: debtor("0001-5"),
            transfers: vec![transfer],
        });
    }
    message
}

fn xml(message: &CreditTransferInitiation) -> (String, MessageTotals) {
    let mut out = Vec::new();
    let written = write(message, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), written)
}

fn refusal(message: &CreditTransferInitiation) -> String {
    let mut out = Vec::new();
    let error = write(message, &mut out).unwrap_err();
    assert!(out.is_empty(), "nothing is written");
    error.to_string()
}

#[test]
fn the_schema_and_xmllint_accept_the_message() {
    let Some(schema) = real("iso20022/pain001/pain.001.001.09.xsd") else { return };
    if Command::new("xmllint").arg("--version").output().is_err() {
        println!("SKIPPED: xmllint is not installed (Debian package libxml2-utils)");
        return;
    }
    let path = folder();
    for (name, message) in [("plain.xml", message()), ("rich.xml", rich_message())] {
        let file = path.join(name);
        fs::write(&file, xml(&message).0).unwrap();
        let output = Command::new("xmllint")
            .args(["--noout", "--schema"])
            .args([&schema, &file])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let broken = xml(&message()).0.replace("<PmtMtd>", "<PmtMtd>X");
    let file = path.join("broken.xml");
    fs::write(&file, broken).unwrap();
    let output =
        Command::new("xmllint").args(["--noout", "--schema"]).args([&schema, &file]).output();
    assert!(!output.unwrap().status.success(), "the check can fail");
}

#[test]
fn a_message_follows_the_standard() {
    let (xml, written) = xml(&message());
    assert_eq!(written, MessageTotals { transfers: 2, control_sum: "35.91".to_owned() });
    let flat: String = xml.lines().map(str::trim).collect();
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Document xmlns=\"urn:iso:std:iso:20022:",
        "<MsgId>DOORSTEP-20260331-01</MsgId><CreDtTm>2026-03-31T09:05:00Z</CreDtTm>",
        "<NbOfTxs>2</NbOfTxs><CtrlSum>35.91</CtrlSum><InitgPty>",
        "<PmtInfId>DOORSTEP-20260331-01-1</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>2</NbOfTxs>",
        "<ReqdExctnDt><Dt>2026-04-01</Dt></ReqdExctnDt>",
        "<EndToEndId>P-2026-000001</EndToEndId></PmtId><Amt><InstdAmt Ccy=\"BRL\">35.90</InstdAmt>",
        "<Nm>Loja &amp; Filhos &lt;São Paulo&gt;</Nm>",
        "<IBAN>BR1500000000000010932840814P2</IBAN>",
    ] {
        assert!(flat.contains(part), "{part} in {flat}");
    }
    assert!(xml.ends_with("</Document>\n"));
}

#[test]
fn the_control_sum_adds_currencies_as_numbers() {
    let (_, written) = xml(&rich_message());
    // 35.91 + 9999999999.99 + 500 + 1234.567
    assert_eq!(written, MessageTotals { transfers: 5, control_sum: "10000001770.467".to_owned() });
    let mut yen = message();
    yen.payments[0].currency = Currency::JPY;
    assert_eq!(xml(&yen).1.control_sum, "3591");
}

#[test]
fn amounts_that_the_schema_cannot_hold_are_refused() {
    let mut message = message();
    message.payments[0].transfers[0].amount = Amount::MAX;
    assert_eq!(
        refusal(&message),
        "the amount of transfer 1 of payment 1 has more than 18 digits; split it"
    );
    for transfer in &mut message.payments[0].transfers {
        transfer.amount = Amount::of(999_999_999_999_999_999);
    }
    assert_eq!(refusal(&message), "the sum of payment 1 has more than 18 digits; split it");
    message.payments[0].transfers.pop();
    assert_eq!(xml(&message).1.control_sum, "9999999999999999.99");
    let mut tnd = message.payments[0].clone();
    tnd.currency = Currency::TND;
    tnd.transfers[0].payout = "P-9".to_owned();
    message.payments.push(tnd);
    assert_eq!(refusal(&message), "the sum of the message has more than 18 digits; split it");
}

#[test]
fn what_a_bank_would_refuse_is_refused() {
    let mut message = message();
    message.payments[0].transfers[1].payout = "P-2026-000001".to_owned();
    assert_eq!(refusal(&message), "transfer 2 of payment 1 is in the message twice; remove one");
    message.payments[0].transfers[1].amount = Amount::ZERO;
    message.payments[0].transfers[1].payout = "P-2".to_owned();
    assert_eq!(refusal(&message), "transfer 2 of payment 1 has an amount of zero; leave it out");
    message.payments[0].transfers.clear();
    assert_eq!(refusal(&message), "payment 1 has no transfers; a bank refuses an empty message");
    message.payments.clear();
    assert_eq!(refusal(&message), "the message has no transfers; a bank refuses an empty message");
    let mut message = rich_message();
    message.payments[3].currency = Currency::CNY;
    assert_eq!(
        refusal(&message),
        "payment 4 has the same account and currency as payment 2; merge the two"
    );
    message.payments[3].debtor = debtor("0002-6");
    assert_eq!(xml(&message).1.transfers, 5);
    message.created_at_ms = u64::MAX;
    assert_eq!(refusal(&message), "the creation time is outside the years 1 to 9999");
}

#[test]
fn texts_must_fit_the_message() {
    let with_payout = |payout: &str| {
        let mut message = message();
        message.payments[0].transfers[0].payout = payout.to_owned();
        refusal(&message)
    };
    let of = "the payout id of transfer 1 of payment 1";
    assert_eq!(with_payout(&"x".repeat(36)), format!("{of} has 36 characters; 35 are allowed"));
    assert_eq!(with_payout(" "), format!("{of} is empty"));
    assert_eq!(
        with_payout("Pé"),
        format!("{of} has the character U+00E9, which the message cannot carry")
    );
    for slashes in ["/P", "P/", "P//1"] {
        assert!(with_payout(slashes).contains("slash"), "{slashes}");
    }
    let mut message = message();
    message.message_id = "x".repeat(31);
    assert_eq!(refusal(&message), "the id of the message has 31 characters; 30 are allowed");
    message.message_id = "M1".to_owned();
    message.payments[0].debtor.name = "a\u{0}b".to_owned();
    assert_eq!(
        refusal(&message),
        "the debtor's name of payment 1 has the character U+0000, which the message cannot carry"
    );
    message.payments[0].debtor.name = "门".repeat(140);
    message.payments[0].transfers[1].creditor.name = "门".repeat(141);
    let error = write(&message, Vec::new()).unwrap_err();
    let CreditTransferError::Text { what, of, problem } = error else { panic!("{error}") };
    assert_eq!((what, of), ("creditor's name", CreditTransferPart::Transfer(1, 2)));
    assert_eq!(problem, TextProblem::TooLong { chars: 141, most: 140 });
}

#[test]
fn accounts_and_banks_are_checked_when_they_are_read() {
    use files::pain001::{Bic, CnapsCode, Iban};
    let iban = |text: &str| text.parse::<Iban>().map(|iban| iban.as_str().to_owned());
    assert_eq!(iban("GB82 WEST 1234 5698 7654 32").unwrap(), "GB82WEST12345698765432");
    assert_eq!(iban("GB82 WEST 1234 5698 7654 23"), Err(BankIdentifierError::IbanCheck));
    for text in ["", "GB82", "gb82WEST12345698765432", "GBX2WEST12345698765432", "é"] {
        assert_eq!(iban(text), Err(BankIdentifierError::IbanForm), "{text}");
    }
    assert_eq!(iban("XX82 WEST 1234 5698 7654 32"), Err(BankIdentifierError::IbanCountry));
    let cut = iban("GB82 WEST 1234 5698 7654 3");
    assert_eq!(cut, Err(BankIdentifierError::IbanLength { length: 21, expected: 22 }));
    // The head offices of four banks.
    for code in ["102100099996", "103100000026", "104100000004", "105100000017"] {
        assert_eq!(code.parse::<CnapsCode>().unwrap().as_str(), code);
    }
    for text in ["", "10210009999", "1021000999966", "10210009999X"] {
        assert_eq!(text.parse::<CnapsCode>(), Err(BankIdentifierError::CnapsForm), "{text}");
    }
    for text in ["102100099995", "102100099969", "104100000040"] {
        assert_eq!(text.parse::<CnapsCode>(), Err(BankIdentifierError::CnapsCheck), "{text}");
    }
    let shown = format!("{:?}", "GB82WEST12345698765432".parse::<Iban>().unwrap());
    assert_eq!(shown, "GB…5432", "not whole in a log");
    assert_eq!("BKCHCNBJ".parse::<Bic>().unwrap().as_str(), "BKCHCNBJ");
    assert!("DEUTDEFF500".parse::<Bic>().is_ok());
    for text in ["", "bkchcnbj", "BKCHCNB", "BKCH12BJ", "BKCHCNBJXX"] {
        assert_eq!(text.parse::<Bic>(), Err(BankIdentifierError::Bic), "{text}");
    }
}
