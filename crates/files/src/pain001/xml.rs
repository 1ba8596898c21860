//! Writes the message as XML, with the elements in the schema's order.

use std::io::{self, Write};

use money::Currency;
use money::decimal::DecimalAmount;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::{
    AccountScheme, BankAccount, BankAgent, CreditTransfer, CreditTransferInitiation, Party,
    PaymentInformation, Sums,
};

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

/// The message must have passed [`super::check`].
pub fn write(
    initiation: &CreditTransferInitiation,
    sums: &Sums,
    out: impl Write,
) -> io::Result<()> {
    let mut xml = Xml(Writer::new_with_indent(out, b' ', 1));
    xml.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = BytesStart::new("Document").with_attributes([("xmlns", NAMESPACE)]);
    xml.0.write_event(Event::Start(root))?;
    xml.inside("CstmrCdtTrfInitn", |xml| {
        xml.inside("GrpHdr", |xml| header(xml, initiation, sums))?;
        for (place, payment) in initiation.payments.iter().enumerate() {
            let id = format!("{}-{}", initiation.message_id, place + 1);
            let date = initiation.execution_date.to_string();
            let sum = &sums.payments[place];
            xml.inside("PmtInf", |xml| self::payment(xml, payment, &id, &date, sum))?;
        }
        Ok(())
    })?;
    xml.0.write_event(Event::End(BytesEnd::new("Document")))?;
    let out = xml.0.get_mut();
    out.write_all(b"\n")?;
    out.flush()
}

fn header<W: Write>(
    xml: &mut Xml<W>,
    initiation: &CreditTransferInitiation,
    sums: &Sums,
) -> io::Result<()> {
    let transfers: usize = initiation.payments.iter().map(|payment| payment.transfers.len()).sum();
    xml.text("MsgId", &initiation.message_id)?;
    xml.text("CreDtTm", &sums.created_at)?;
    xml.text("NbOfTxs", &transfers.to_string())?;
    xml.text("CtrlSum", &sums.message)?;
    xml.inside("InitgPty", |xml| xml.text("Nm", &initiation.initiator))
}

fn payment<W: Write>(
    xml: &mut Xml<W>,
    payment: &PaymentInformation,
    id: &str,
    date: &str,
    sum: &str,
) -> io::Result<()> {
    xml.text("PmtInfId", id)?;
    xml.text("PmtMtd", "TRF")?;
    xml.text("NbOfTxs", &payment.transfers.len().to_string())?;
    xml.text("CtrlSum", sum)?;
    xml.inside("ReqdExctnDt", |xml| xml.text("Dt", date))?;
    xml.inside("Dbtr", |xml| xml.text("Nm", &payment.debtor.name))?;
    xml.inside("DbtrAcct", |xml| {
        account(xml, &payment.debtor.account)?;
        xml.text("Ccy", payment.currency.code())
    })?;
    xml.inside("DbtrAgt", |xml| agent(xml, &payment.debtor.agent))?;
    for transfer in &payment.transfers {
        xml.inside("CdtTrfTxInf", |xml| self::transfer(xml, transfer, payment.currency))?;
    }
    Ok(())
}

fn transfer<W: Write>(
    xml: &mut Xml<W>,
    transfer: &CreditTransfer,
    currency: Currency,
) -> io::Result<()> {
    let amount = DecimalAmount::of(transfer.amount, currency).to_string();
    let Party { name, account: to, agent: bank } = &transfer.creditor;
    xml.inside("PmtId", |xml| xml.text("EndToEndId", &transfer.payout))?;
    xml.inside("Amt", |xml| {
        let start = BytesStart::new("InstdAmt").with_attributes([("Ccy", currency.code())]);
        xml.element(start, &amount)
    })?;
    xml.inside("CdtrAgt", |xml| agent(xml, bank))?;
    xml.inside("Cdtr", |xml| xml.text("Nm", name))?;
    xml.inside("CdtrAcct", |xml| account(xml, to))?;
    match &transfer.remittance {
        Some(remittance) => xml.inside("RmtInf", |xml| xml.text("Ustrd", remittance)),
        None => Ok(()),
    }
}

fn account<W: Write>(xml: &mut Xml<W>, account: &BankAccount) -> io::Result<()> {
    xml.inside("Id", |xml| match account {
        BankAccount::Iban(iban) => xml.text("IBAN", iban.as_str()),
        BankAccount::Other { id, scheme } => xml.inside("Othr", |xml| {
            xml.text("Id", id)?;
            match scheme {
                None => Ok(()),
                Some(AccountScheme::Code(code)) => {
                    xml.inside("SchmeNm", |xml| xml.text("Cd", code))
                }
                Some(AccountScheme::Proprietary(own)) => {
                    xml.inside("SchmeNm", |xml| xml.text("Prtry", own))
                }
            }
        }),
    })
}

fn agent<W: Write>(xml: &mut Xml<W>, agent: &BankAgent) -> io::Result<()> {
    xml.inside("FinInstnId", |xml| match agent {
        BankAgent::Bic(bic) => xml.text("BICFI", bic.as_str()),
        BankAgent::Clearing { system, member } => xml.inside("ClrSysMmbId", |xml| {
            xml.inside("ClrSysId", |xml| xml.text("Cd", system))?;
            xml.text("MmbId", member)
        }),
        BankAgent::Other(id) => xml.inside("Othr", |xml| xml.text("Id", id)),
    })
}

struct Xml<W>(Writer<W>);

impl<W: Write> Xml<W> {
    fn inside(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut Xml<W>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.0.write_event(Event::Start(BytesStart::new(name)))?;
        write(self)?;
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.element(BytesStart::new(name), text)
    }

    fn element(&mut self, start: BytesStart<'_>, text: &str) -> io::Result<()> {
        let end = start.to_end().into_owned();
        self.0.write_event(Event::Start(start))?;
        self.0.write_event(Event::Text(BytesText::new(text)))?;
        self.0.write_event(Event::End(end))
    }
}
