//! The days that were simulated on the books of a data directory, each in a file of its own.
//!
//! A day's file has everything that the day depends on. To continue an interrupted day, or to begin
//! the next one, the simulation runs all days again from these files and compares them with the
//! journal ([`sim::ResumedDay`]): the world itself is stored nowhere.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use books::{BusinessDate, SetTimeZone, Timestamp};
use money::{Amount, Currency};
use serde::{Deserialize, Serialize};
use sim::{DayInputs, DayOptions, EnginePosition, OrderSource, ParcelInput, SimulatedWithdrawal};
use tariff::file::Tariff;

use super::MethodsFlag;
use super::others::Others;
use crate::data_directory::read_text;
use crate::tariffs;
use crate::words::bilingual;

/// The version of the files.
pub const VERSION: u32 = 1;
const FOLDER: &str = "days";
/// A file has a line per order.
const FILE_BYTES_MAX: usize = 1 << 30;
/// All days run again before the next one: more are not useful.
const DAYS_MAX: usize = 400;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedOrder {
    seller: String,
    order: String,
    /// In minor units.
    due: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RecordedOrders {
    Made { count: u32 },
    Given { profile: String, source: String, orders: Vec<RecordedOrder> },
}

impl RecordedOrders {
    pub fn given(profile: String, source: String, parcels: &[ParcelInput]) -> RecordedOrders {
        let order = |parcel: &ParcelInput| RecordedOrder {
            seller: parcel.seller_reference.clone(),
            order: parcel.order_reference.clone(),
            due: parcel.due.minor(),
        };
        RecordedOrders::Given { profile, source, orders: parcels.iter().map(order).collect() }
    }
}

/// A position of the books: [`EnginePosition`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedPosition {
    fingerprint: u64,
    last_at_ms: u64,
}

impl From<EnginePosition> for RecordedPosition {
    fn from(of: EnginePosition) -> RecordedPosition {
        RecordedPosition { fingerprint: of.fingerprint, last_at_ms: of.last_at.0 }
    }
}

impl From<RecordedPosition> for EnginePosition {
    fn from(of: RecordedPosition) -> EnginePosition {
        EnginePosition { fingerprint: of.fingerprint, last_at: Timestamp(of.last_at_ms) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayRecord {
    pub version: u32,
    #[serde(with = "date_text")]
    pub date: BusinessDate,
    pub seed: u64,
    pub tender: MethodsFlag,
    /// In percent.
    pub refusals: u32,
    /// In percent of the usual rates.
    pub faults: u32,
    /// Days after the delivery until money becomes payable.
    pub hold: u16,
    /// Sellers who are paid weekly, in percent.
    pub weekly: u32,
    #[serde(with = "currency_code")]
    pub currency: Currency,
    /// The text of the tariff file.
    pub tariff: String,
    pub class: String,
    /// Clearing and statements of the day stand in the files of the parties outside only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaves_clearing: bool,
    pub time_zone: SetTimeZone,
    /// The books before the day.
    pub begins: RecordedPosition,
    /// The books after the day, when its result was shown.
    pub ends: Option<RecordedPosition>,
    pub orders: RecordedOrders,
    /// The minutes of the day at which card networks are withdrawn, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdraw: Vec<u64>,
}

impl DayRecord {
    /// Whether both are the same day, wherever the books stood.
    pub fn is_same(&self, other: &DayRecord) -> bool {
        let zone = self.time_zone.clone();
        let other = other.clone();
        let here = DayRecord { begins: self.begins, ends: self.ends, time_zone: zone, ..other };
        *self == here
    }

    pub fn tariff_terms(&self) -> anyhow::Result<Tariff> {
        let file = tariff::file::parse(&self.tariff)?;
        Ok(tariffs::in_currency(&file, self.currency)?.clone())
    }

    /// The inputs of the day with this number, from 1.
    pub fn inputs(&self, number: u32, others: &Others) -> anyhow::Result<DayInputs> {
        let parcel = |one: &RecordedOrder| {
            let due = Amount::new(one.due).context("an amount of the day's file is too large")?;
            let (seller_reference, order_reference) = (one.seller.clone(), one.order.clone());
            anyhow::Ok(ParcelInput { seller_reference, order_reference, due })
        };
        let (parcels, order_source) = match &self.orders {
            RecordedOrders::Made { count } => {
                let (count, currency) = (*count as usize, self.currency);
                let made = sim::generate_orders_of_day(number, count, self.seed, currency);
                let parcels = made.into_iter().map(|order| order.parcel).collect();
                (parcels, OrderSource::Generated)
            }
            RecordedOrders::Given { profile, source, orders } => {
                let (profile, source) = (profile.clone(), source.clone());
                let parcels = orders.iter().map(parcel).collect::<Result<_, _>>()?;
                (parcels, OrderSource::Real { profile, source })
            }
        };
        Ok(DayInputs {
            date: self.date,
            utc_offset_minutes: self.time_zone.utc_offset_minutes,
            time_zone: Some(self.time_zone.clone()),
            currency: self.currency,
            tariff: self.tariff_terms()?,
            tariff_text: self.tariff.as_str().into(),
            class: self.class.clone(),
            parcels,
            order_source,
            others: others.commands.clone(),
            ordered: others.ordered.clone(),
        })
    }

    fn withdrawals(&self) -> Vec<SimulatedWithdrawal> {
        let minutes = self.withdraw.iter().enumerate();
        minutes.map(|(network, minute)| SimulatedWithdrawal { network, minute: *minute }).collect()
    }

    pub fn options(&self) -> DayOptions {
        let hold_rule = match self.hold {
            0 => books::HoldRule::AtOnce,
            days => books::HoldRule::DaysAfterDelivery(days),
        };
        DayOptions {
            seed: self.seed,
            payment_mix: self.tender.mix(),
            refusals_ppm: self.refusals * 10_000,
            faults_percent: self.faults,
            weekly_sellers_ppm: self.weekly * 10_000,
            hold_rule,
            withdrawals: self.withdrawals(),
            ..DayOptions::default()
        }
    }
}

/// The days of a data directory, in the order of their dates.
pub struct DayRecords {
    folder: PathBuf,
    pub days: Vec<DayRecord>,
}

impl DayRecords {
    /// Reads the days of a data directory; none if it has none.
    pub fn read(data: &Path) -> anyhow::Result<DayRecords> {
        let folder = data.join(FOLDER);
        let mut days = Vec::new();
        if !folder.is_dir() {
            return Ok(DayRecords { folder, days });
        }
        let named = || folder.display().to_string();
        for entry in fs::read_dir(&folder).with_context(named)? {
            let path = entry.with_context(named)?.path();
            if path.extension().is_none_or(|end| end != "json") {
                continue;
            }
            let text = read_text(&path, FILE_BYTES_MAX)?;
            let day: DayRecord = serde_json::from_str(&text).with_context(|| {
                bilingual!(
                    "{0}: this is not the file of a simulated day; restore it, or use another \
                     data directory",
                    "{0}：不是模拟日的文件；请恢复该文件，或换一个数据目录",
                    path.display()
                )
            })?;
            ensure!(
                day.version == VERSION,
                bilingual!(
                    "{0}: the file has version {1}; this Doorstep reads {VERSION}. Use the \
                     Doorstep that wrote it, or another data directory",
                    "{0}：文件版本为 {1}，本程序读取 {VERSION}。请用写入它的程序，或换一个数据目录",
                    path.display(),
                    day.version
                )
            );
            days.push(day);
        }
        days.sort_by_key(|day| day.date);
        Ok(DayRecords { folder, days })
    }

    /// Whether the books of a data directory live in virtual time.
    pub fn is_in(data: &Path) -> bool {
        data.join(FOLDER).is_dir()
    }

    /// Writes the file of a day before its first command.
    pub fn begin(&mut self, index: usize, day: DayRecord) -> anyhow::Result<()> {
        ensure!(
            index < DAYS_MAX,
            bilingual!(
                "these books have {DAYS_MAX} simulated days, the most that they can have; use \
                 another data directory",
                "账簿已有 {DAYS_MAX} 个模拟日，达到上限；请换一个数据目录"
            )
        );
        // A day that never began gives way to another.
        for replaced in self.days.drain(index..) {
            if replaced.date != day.date {
                let path = path_of(&self.folder, &replaced);
                fs::remove_file(&path).with_context(|| path.display().to_string())?;
            }
        }
        fs::create_dir_all(&self.folder).with_context(|| self.folder.display().to_string())?;
        write(&self.folder, &day)?;
        self.days.push(day);
        Ok(())
    }

    /// Notes that the result of a day was shown.
    pub fn finish(&mut self, index: usize, ends: EnginePosition) -> anyhow::Result<()> {
        let Some(day) = self.days.get_mut(index) else { return Ok(()) };
        // What others gave afterwards is not of the day.
        if day.ends.is_none() {
            day.ends = Some(ends.into());
            write(&self.folder, day)?;
        }
        Ok(())
    }
}

fn path_of(folder: &Path, day: &DayRecord) -> PathBuf {
    folder.join(format!("{}.json", day.date))
}

fn write(folder: &Path, day: &DayRecord) -> anyhow::Result<()> {
    let text = serde_json::to_vec(day)?;
    files::atomic::write_atomically(&path_of(folder, day), |out| out.write_all(&text))?;
    Ok(())
}

mod date_text {
    use books::BusinessDate;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(date: &BusinessDate, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(date)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<BusinessDate, D::Error> {
        String::deserialize(input)?.parse().map_err(de::Error::custom)
    }
}

mod currency_code {
    use money::Currency;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(currency: &Currency, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(currency.code())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Currency, D::Error> {
        String::deserialize(input)?.parse().map_err(de::Error::custom)
    }
}
