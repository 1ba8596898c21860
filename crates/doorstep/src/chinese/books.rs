//! Refusals of the books and of the engine.

use std::error::Error;

use books::{
    LineReference, MissingRecord, OPEN_ITEMS_PER_TERMINAL_MAX, REFERENCE_BYTES_MAX,
    RETENTION_DAYS_MAX, RETENTION_DAYS_MIN, ROUTE_CANDIDATES_MAX, Refusal, TERMS_WAITING_MAX,
};
use engine::{ActorKind, REQUEST_KEY_HOURS, REQUEST_KEYS_MAX};

use super::files;

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(refusal)).or_else(|| error.downcast_ref().map(engine))
}

pub(super) fn engine(refused: &engine::Refusal) -> String {
    match refused {
        engine::Refusal::Books(refused) => refusal(refused),
        engine::Refusal::RequestKeyTaken => "该请求键已用于另一条命令；请使用新的请求键".to_owned(),
        engine::Refusal::TooManyRequestKeys => format!(
            "已记住 {REQUEST_KEYS_MAX} 个请求键，\
             最早的一个满 {REQUEST_KEY_HOURS} 小时之前不再接受新的；\
             请不带请求键发送，或稍后再试"
        ),
    }
}

pub(super) fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotAllowed(kind) => format!("{}不得发出该命令", actor_kind(*kind)),
        Refusal::Repeated => "此前已执行，无需再做".to_owned(),
        Refusal::IdentifierTaken => "编号已用于其他内容；请使用新编号".to_owned(),
        Refusal::NumberUsed(number) => {
            format!("序号 {number} 此前已用于其他内容；账簿未改动；请用新序号，或重发原内容")
        }
        Refusal::NumberForgotten(number) => format!(
            "序号 {number} 此前已使用，其内容已不再保存；账簿未改动；\
             请查日志，内容确有不同时再用新序号"
        ),
        Refusal::OtherContent => {
            "此前已按其他内容执行；账簿未改动；请与已执行的内容核对".to_owned()
        }
        Refusal::BooksNotOpen => "账簿尚未开账，或开账时的 UTC 时差不同".to_owned(),
        Refusal::TimeBackwards => "时间早于上一条命令".to_owned(),
        Refusal::NotFound(what) => format!("没有该{}", missing(what)),
        Refusal::BadReference => {
            format!("编号须为 1 至 {REFERENCE_BYTES_MAX} 字节，不得有控制字符")
        }
        Refusal::AmountZero => "金额须大于零".to_owned(),
        Refusal::AmountTooLarge(most) => {
            format!("金额超过可用的 {}（最小货币单位）", most.minor())
        }
        Refusal::RefundFirst(amount) => {
            format!("已付金额超过此数；请先退款 {}（最小货币单位）", amount.minor())
        }
        Refusal::InsufficientFunds(available) => format!(
            "银行账户可用余额只有 {}（最小货币单位）；请用其他账户，或等余额足够",
            available.minor()
        ),
        Refusal::AmountMismatch(known) => {
            format!("金额与账簿中的 {}（最小货币单位）不符", known.minor())
        }
        Refusal::Overflow => "合计超过 Doorstep 支持的最大金额".to_owned(),
        Refusal::OutOfRange(most) => format!("清单的长度或限额须在 1 至 {most} 之间"),
        Refusal::CurrencyMismatch(one, other) => format!("币种不符：{one} 与 {other}"),
        Refusal::CurrencyWithoutAccount(currency) => {
            format!("没有 {currency} 账户；请登记该币种的银行账户和卖家")
        }
        Refusal::BadTerms(error) => format!("费率无效：{}", files::terms_error(error)),
        Refusal::BadVersion => "费率版本须从上一版本结束之日开始，且不得早于今日".to_owned(),
        Refusal::NoTariff(date) => format!("{date} 没有有效的费率版本"),
        Refusal::ParcelState => "包裹状态不符".to_owned(),
        Refusal::ShipmentEnded => {
            "包裹已退件、丢失或取消；再次发货请登记该订单的下一个发货序号".to_owned()
        }
        Refusal::EarlierShipment => "该订单的上一次发货未退件、丢失或取消；请先了结".to_owned(),
        Refusal::WrongCourier => "包裹、终端或付款属于其他快递员或快递公司".to_owned(),
        Refusal::TerminalBlocked => "终端已被锁定".to_owned(),
        Refusal::CourierSuspended => "快递员已暂停；须先由两人解除（SuspendCourier）".to_owned(),
        Refusal::SellerSuspended => "卖家已暂停；须先由两人解除（SuspendSeller）".to_owned(),
        Refusal::TooManyTerms => format!(
            "已有 {TERMS_WAITING_MAX} 次变更尚未到生效日；请等待，或以同一生效日替换其中一次"
        ),
        Refusal::TooMany(most) => format!("已达上限 {most} 次"),
        Refusal::WrongSequenceNumber(next) => format!("编号须依次递增，下一个为 {next}"),
        Refusal::PaymentState => "付款状态不符".to_owned(),
        Refusal::EarlierPaymentUnknown => "该包裹此前有一笔付款结果未知；请等待其冲正".to_owned(),
        Refusal::TooManyUnknown => "该卡组织结果未知的付款过多".to_owned(),
        Refusal::CashLimitExceeded => "将超过快递员的现金限额；请先交款".to_owned(),
        Refusal::HandOverOpen => "快递员有一笔交款尚未清点；请先清点或取消".to_owned(),
        Refusal::NoCashInHand => "快递员没有可交的现金".to_owned(),
        Refusal::CodesUsedUp => "一次性验证码错误次数过多；请由主管清点或取消交款".to_owned(),
        Refusal::PersonNotRegistered(person) => {
            format!("人员 {person} 未登记或已被移除；请给出已登记人员的编号")
        }
        Refusal::OnlyCourier(person) => {
            format!("人员 {person} 是快递员，尚未由两人登记为人员；请先登记（RegisterPerson）")
        }
        Refusal::NotOneOfThePersons(person) => {
            format!("人员 {person} 发出该命令，但不是其中写明的人员")
        }
        Refusal::RefundNeedsTwoPeople(limit) => format!(
            "一笔付款的退款超过 {}（最小货币单位）须由两人办理；请发送 RefundByTwoPersons",
            limit.minor()
        ),
        Refusal::SamePerson => "须由第二人复核：既不是第一人，也未曾参与此事".to_owned(),
        Refusal::AdjustedAccounts => {
            "调整分录须在银行账户、卖家、快递公司、自有收入或费用四类中的两类之间".to_owned()
        }
        Refusal::PersonRemoved(person) => {
            format!("人员 {person} 此前已登记，并已永久移除；账簿未改动；请登记其他编号")
        }
        Refusal::ChargebackWasLost => {
            "该拒付此前已败诉；账簿未改动；清算明细行退回该款时即为胜诉".to_owned()
        }
        Refusal::ChargebackWasWon => "该拒付此前已胜诉；账簿未改动".to_owned(),
        Refusal::LineOfAnotherRequest(one) => format!(
            "清算明细行所列付款的请求为 {}，而该行为 {}；请去掉该付款，该行即成为差异",
            reference(&one.known),
            reference(&one.line)
        ),
        Refusal::ReferenceOfOtherRail => {
            "卡组织的清算明细行须写明请求（检索参考号、流水号、时间），钱包的须写明订单".to_owned()
        }
        Refusal::NotThePaymentsSeller(seller) => {
            format!("该差异的清算明细行写明了卖家 {seller} 的付款；不得归于其他卖家")
        }
        Refusal::InvoiceNotOpen => "账单没有未付部分：已付清或已取消".to_owned(),
        Refusal::SellerPays => "该破损或丢失包裹由卖家承担，不予赔付".to_owned(),
        Refusal::ChangesOutOfOrder => "UTC 偏移的变更须按时间先后排列".to_owned(),
        Refusal::NothingToPay => "该结算周期没有应付的卖家".to_owned(),
        Refusal::PlanNeedsTwoPeople => {
            "该计划由日历生成，须由两人批准；请发送 ApproveCyclePlan".to_owned()
        }
        Refusal::PlanState => "结算计划或差异的状态不符".to_owned(),
        Refusal::LimitReached => "账户余额将超出限额".to_owned(),
        Refusal::RetentionOutOfRange => {
            format!("保留期须为 {RETENTION_DAYS_MIN} 至 {RETENTION_DAYS_MAX} 天")
        }
        Refusal::BadDate(date) => format!("日期 {date} 在此不允许"),
        Refusal::WrongBatch(last) => {
            format!("终端的最后批次为 {last}，可能已结算；请重新签到")
        }
        Refusal::BatchFull => "批次已满；请批结算后重新签到".to_owned(),
        Refusal::BatchBusy => "批次有未获应答的交易；请在应答后批结算".to_owned(),
        Refusal::BatchNotDisputed => "该批次未结算或对账相平，不是对账不平的批次".to_owned(),
        Refusal::TraceTaken => "该流水号已用于批次中的另一笔交易".to_owned(),
        Refusal::NetworkWithdrawn => "该卡组织已停用；请选择其他卡组织".to_owned(),
        Refusal::BadRoute => format!(
            "卡付款须列出 1 至 {ROUTE_CANDIDATES_MAX} 个卡组织，且只选中其自身的卡组织；\
             其他付款不得列出卡组织"
        ),
        Refusal::BadMethod => "此处不能使用该付款方式".to_owned(),
        Refusal::WrongSubject => "卡片、原交易或卡组织报文与该交易类型不符".to_owned(),
        Refusal::BreakOfSuspendedSale => {
            "该差异是挂账的离线消费；请决定记入其包裹，还是应退买家".to_owned()
        }
        Refusal::PreAuthorisationExpired => "预授权已过期；请以其他方式收款".to_owned(),
        Refusal::ApprovedDecline => "应答码 00 表示批准；拒绝须用其他应答码".to_owned(),
        Refusal::WrongChange => "实收现金减去找零须等于金额".to_owned(),
        Refusal::TooManyOpenItems => format!(
            "该终端已有 {OPEN_ITEMS_PER_TERMINAL_MAX} 个待查账项；请先结案一部分，再开新批次"
        ),
    }
}

fn reference(of: &LineReference) -> String {
    match of {
        LineReference::Request { rrn, sent } => {
            format!("检索参考号 {rrn}、流水号 {}、{}", sent.stan, sent.utc_time())
        }
        LineReference::Order(order) => format!("订单 {order}"),
    }
}

fn actor_kind(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::System => "系统",
        ActorKind::Person => "人员",
        ActorKind::Key => "API 密钥",
        ActorKind::Terminal => "终端",
        ActorKind::Gateway => "网关",
        ActorKind::Network => "卡组织",
        ActorKind::Wallet => "钱包",
    }
}

fn missing(missing: &MissingRecord) -> &'static str {
    match missing {
        MissingRecord::Bank(_) => "银行账户",
        MissingRecord::Firm(_) => "快递公司",
        MissingRecord::Courier(_) => "快递员",
        MissingRecord::Terminal(_) => "终端",
        MissingRecord::Network(_) => "卡组织",
        MissingRecord::Wallet(_) => "钱包",
        MissingRecord::Seller(_) => "卖家",
        MissingRecord::Tariff(_) => "费率",
        MissingRecord::Class => "费率类别",
        MissingRecord::HoldRule => "资金冻结规则",
        MissingRecord::Parcel(_) => "包裹",
        MissingRecord::Payment => "付款",
        MissingRecord::HandOver(_) => "待清点的交款",
        MissingRecord::Deposit(_) => "待确认的缴存",
        MissingRecord::Plan(_) => "结算计划",
        MissingRecord::Payout(_) => "在途打款",
        MissingRecord::Break(_) => "未结差异",
        MissingRecord::Transaction => "交易记录",
        MissingRecord::Chargeback => "序号的拒付",
        MissingRecord::Invoice => "卖家账单",
        MissingRecord::OpenItem(_) => "待查账项",
    }
}
