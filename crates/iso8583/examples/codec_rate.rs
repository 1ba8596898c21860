//! Measures the codec: nanoseconds to read and to build a UnionPay sale.
//!
//!     cargo run --profile dist -p iso8583 --example codec_rate
//!
//! The sale has chip data, a PIN and a MAC: 18 fields in about 300 bytes. `parse` checks the
//! message; `read` extracts what a switch needs; `build` sets every field, reusing builder and
//! buffer; `answer` builds the response to the received sale. The four alternate for several
//! rounds; the median and the fastest round are printed.

#![allow(clippy::print_stdout, reason = "a program that prints what it measures")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use iso8583::{Message, MessageBuilder, Mti, UNIONPAY_POS, WipedBytes};

const ROUNDS: usize = 31;
const REPEATS: u128 = 20_000;

/// Chip card fields as a terminal sends them with a sale.
const CHIP: [u8; 139] = chip();

const fn chip() -> [u8; 139] {
    // Objects of three bytes of tag and length and one byte of value; the last one is shorter in
    // tag and length.
    let mut chip = [0; 139];
    let mut at = 0;
    while at + 4 <= 136 {
        chip[at] = 0x9F;
        chip[at + 1] = 0x10;
        chip[at + 2] = 1;
        chip[at + 3] = 0x5A;
        at += 4;
    }
    chip[136] = 0x95;
    chip[137] = 1;
    chip
}

fn set_sale(sale: &mut MessageBuilder<'_>, trace: u64) {
    sale.reset(Mti::M0200)
        .text(2, "6222021234567890123")
        .text(3, "000000")
        .number(4, 12_50)
        .number(11, trace)
        .text(14, "2912")
        .text(22, "051")
        .number(23, 1)
        .number(25, 0)
        .text(26, "12")
        .text(35, "6222021234567890123=29122010000012345")
        .text(41, "00000101")
        .text(42, "104110153110001")
        .text(49, "156")
        .bytes(52, [0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6, 0x07, 0x18])
        .text(53, "2600000000000000")
        .bytes(55, CHIP)
        .text(60, "22000001000500")
        .bytes(64, *b"5FE058DB");
}

/// Reads what a switch needs from a sale.
fn read(message: &Message<'_>) -> Result<u64, Box<dyn Error>> {
    let mut sum = message.number(3)? + message.number(4)? + message.number(11)?;
    sum += u64::from(message.digits::<8>(41)?[7]) + u64::from(message.text(42)?.as_bytes()[0]);
    sum += u64::from(message.text(60)?.as_bytes()[1]) + message.bytes(55)?.len() as u64;
    sum += u64::from(message.text(35)?.as_bytes()[0]) + u64::from(message.block::<8>(52)?[0]);
    Ok(sum + message.mac_input().map_or(0, |bytes| bytes.len() as u64))
}

/// Tenths of a nanosecond per repeat, one number per round.
#[derive(Default)]
struct Times(Vec<u128>);

impl Times {
    fn round(
        &mut self,
        mut work: impl FnMut(u64) -> Result<(), Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let started = Instant::now();
        for repeat in 0..REPEATS {
            work(u64::try_from(repeat)?)?;
        }
        self.0.push(started.elapsed().as_nanos() * 10 / REPEATS);
        Ok(())
    }

    fn report(mut self, what: &str) {
        self.0.sort_unstable();
        let (median, fastest) = (self.0[self.0.len() / 2], self.0[0]);
        let rate = 10_000_000_000 / median.max(1);
        println!(
            "{what:<8} {:>6}.{} {:>6}.{} {rate:>11}",
            median / 10,
            median % 10,
            fastest / 10,
            fastest % 10
        );
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = MessageBuilder::new(&UNIONPAY_POS, Mti::M0200);
    set_sale(&mut builder, 42);
    let sale = builder.build()?;
    let received = UNIONPAY_POS.parse(&sale)?;
    println!("a sale of {} fields, {} bytes", received.fields().count(), sale.len());
    println!("          median  fastest ns    a second");
    let mut buffer = WipedBytes::default();
    let mut answer = MessageBuilder::new(&UNIONPAY_POS, Mti::M0210);
    let mut times = [Times::default(), Times::default(), Times::default(), Times::default()];
    for _ in 0..ROUNDS {
        let [parsing, reading, building, answering] = &mut times;
        parsing.round(|_| {
            black_box(UNIONPAY_POS.parse(black_box(&sale))?);
            Ok(())
        })?;
        reading.round(|_| {
            black_box(read(black_box(&received))?);
            Ok(())
        })?;
        building.round(|trace| {
            set_sale(&mut builder, trace);
            builder.build_into(&mut buffer)?;
            black_box(&buffer);
            Ok(())
        })?;
        answering.round(|_| {
            answer
                .reset(Mti::M0210)
                .copy(&received, &[3, 4, 11, 25, 41, 42, 49, 60])
                .text(37, "000000000042")
                .text(39, "00")
                .bytes(64, [0; 8])
                .build_into(&mut buffer)?;
            black_box(&buffer);
            Ok(())
        })?;
    }
    for (times, what) in times.into_iter().zip(["parse", "read", "build", "answer"]) {
        times.report(what);
    }
    Ok(())
}
