//! The bills of wallets: WeChat Pay, Alipay, the gateway's ZM file, and our clearing file.

mod alipay;
mod archive;
mod gateway;
mod wechat;

use super::network::{PlantedRail, render_ours};
use super::{CounterpartyForm, RenderedFile};

/// Doorstep's number at the wallet.
pub(super) const MERCHANT: &str = "898330000000001";

pub(super) fn render(form: CounterpartyForm, rail: &PlantedRail) -> Vec<RenderedFile> {
    match form {
        _ if rail.lines.is_empty() => Vec::new(),
        CounterpartyForm::Ours => vec![render_ours(rail)],
        CounterpartyForm::Gateway => vec![gateway::render(rail)],
        CounterpartyForm::Wechat => vec![wechat::render(rail)],
        CounterpartyForm::Alipay => vec![alipay::render(rail)],
        _ => Vec::new(),
    }
}
