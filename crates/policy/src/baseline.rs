use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the seven baselines that were named at the Internet Information Office's forum on 10
/// August 2013. The source has seven names and no rule: a baseline without rules is shown as empty,
/// and nothing is checked under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(BorshSerialize, BorshDeserialize, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    LawsAndRegulations,
    SocialistSystem,
    NationalInterests,
    CitizensRights,
    PublicOrder,
    Morality,
    Accuracy,
}

impl Baseline {
    /// In the order of the source.
    pub const ALL: [Baseline; 7] = [
        Baseline::LawsAndRegulations,
        Baseline::SocialistSystem,
        Baseline::NationalInterests,
        Baseline::CitizensRights,
        Baseline::PublicOrder,
        Baseline::Morality,
        Baseline::Accuracy,
    ];

    /// In English and in Chinese, as named.
    #[must_use]
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Baseline::LawsAndRegulations => ("laws and regulations", "法律法规底线"),
            Baseline::SocialistSystem => ("the socialist system", "社会主义制度底线"),
            Baseline::NationalInterests => ("national interests", "国家利益底线"),
            Baseline::CitizensRights => {
                ("citizens' legal rights and interests", "公民合法权益底线")
            }
            Baseline::PublicOrder => ("public order", "社会公共秩序底线"),
            Baseline::Morality => ("morality", "道德风尚底线"),
            Baseline::Accuracy => ("accuracy of information", "信息真实性底线"),
        }
    }
}
