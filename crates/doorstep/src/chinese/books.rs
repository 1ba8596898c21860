//! Refusals of the books and of the engine.

use std::error::Error;

use books::{
    HOLD_DAYS_MAX, LineReference, MissingRecord, OPEN_ITEMS_PER_TERMINAL_MAX, REFERENCE_BYTES_MAX,
    RETENTION_DAYS_MAX, RETENTION_DAYS_MIN, ROUTE_CANDIDATES_MAX, Refusal, TERMS_WAITING_MAX,
    TextFault, UNKNOWN_PAYMENTS_PER_NETWORK_MAX, UTC_OFFSET_MINUTES_MAX,
};
use engine::ActorKind;
use money::Amount;
use tariff::BusinessDate;

use super::{files, market, policy};

pub(super) fn text(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().map(refusal)).or_else(|| error.downcast_ref().map(engine))
}

pub(super) fn engine(refused: &engine::Refusal) -> String {
    match refused {
        engine::Refusal::Books(refused) => refusal(refused),
        engine::Refusal::Market(refused) => market::refusal(refused),
        engine::Refusal::Policy(refused) => policy::refusal(refused),
        engine::Refusal::RequestKeyTaken => "该请求键已用于另一条命令；请使用新的请求键".to_owned(),
    }
}

pub(super) fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotAllowed(kind) => format!(
            "{}不得发出该命令；请用 `doorstep do COMMAND --help` 查看谁可以发出",
            actor_kind(*kind)
        ),
        Refusal::Repeated => "此前已执行，无需再做".to_owned(),
        Refusal::IdentifierTaken => "编号或费率版本已用于其他内容；请使用新编号".to_owned(),
        Refusal::NumberUsed(number) => {
            format!("序号 {number} 此前已用于其他内容；请用新序号，或重发原内容")
        }
        Refusal::NumberForgotten(number) => format!(
            "序号 {number} 此前已使用，其内容已不再保存；\
             请查日志，内容确有不同时再用新序号"
        ),
        Refusal::OtherContent => {
            "此前已按其他内容执行；请与已执行的内容核对（`doorstep log`）".to_owned()
        }
        Refusal::BooksNotOpen => {
            "账簿尚未开账，或开账时的 UTC 时差不同；请先开账（`doorstep setup books`），\
             并用账簿已有的时差"
                .to_owned()
        }
        Refusal::TimeBackwards => "时间早于上一条命令；请校准本机时钟，或等待".to_owned(),
        Refusal::NotFound(what) => format!("没有该{}", missing(what)),
        Refusal::BadText(field, fault) => {
            format!("字段 `{field}` {}；请另写", text_fault(*fault))
        }
        Refusal::AmountZero => "金额须大于零；请另给金额".to_owned(),
        Refusal::AmountAboveLimit(amount) => format!(
            "金额为 {}（最小货币单位），一笔金额最多 {}（最小货币单位）；请改正，或分几笔录入",
            amount.minor(),
            Amount::ENTRY_MAX.minor()
        ),
        Refusal::AmountTooLarge(most) => {
            format!("金额超过可用的 {}（最小货币单位）；请给出不超过此数的金额", most.minor())
        }
        Refusal::RefundFirst(amount) => {
            format!("已付金额超过此数；请先退款 {}（最小货币单位）", amount.minor())
        }
        Refusal::InsufficientFunds(available) => format!(
            "银行账户可用余额只有 {}（最小货币单位）；请用其他账户，或等余额足够",
            available.minor()
        ),
        Refusal::AmountMismatch(known) => {
            format!("金额与账簿中的 {}（最小货币单位）不符；请给出该金额", known.minor())
        }
        Refusal::Overflow => "合计超过 Doorstep 支持的最大金额；请减小金额".to_owned(),
        Refusal::OutOfRange(most) => {
            format!("清单的长度或限额须在 1 至 {most} 之间；请另给限额，或拆分清单")
        }
        Refusal::HoldTooLong => {
            format!("冻结天数须为 0 至 {HOLD_DAYS_MAX}；请给出此范围内的天数")
        }
        Refusal::OffsetOutOfRange => format!(
            "与 UTC 的时差须为 -{UTC_OFFSET_MINUTES_MAX} 至 {UTC_OFFSET_MINUTES_MAX} 分钟；\
             请给出此范围内的时差"
        ),
        Refusal::CurrencyMismatch(one, other) => {
            format!("币种不符：{one} 与 {other}；请给出同一币种的账户和金额")
        }
        Refusal::CurrencyWithoutAccount(currency) => {
            format!("没有 {currency} 账户；请登记该币种的银行账户和卖家")
        }
        Refusal::BadTerms(error) => format!(
            "费率无效（{}）；请更正费率文件（`doorstep tariff check`）",
            files::terms_error(error)
        ),
        Refusal::BadVersion => {
            "费率的新版本须从上一版本结束之日开始，且晚于今日；请另给起始日".to_owned()
        }
        Refusal::NoTariff(date) => {
            format!("{date} 没有有效的费率版本；请先发布（`doorstep setup tariff`）")
        }
        Refusal::ParcelState => {
            "包裹状态不符；请用 `doorstep parcels` 查看，并先完成之前的步骤".to_owned()
        }
        Refusal::ShipmentEnded => {
            "包裹已退件、丢失或取消；再次发货请登记该订单的下一个发货序号".to_owned()
        }
        Refusal::EarlierShipment => "该订单的上一次发货未退件、丢失或取消；请先了结".to_owned(),
        Refusal::WrongCourier => {
            "包裹、终端或付款属于其他快递员或快递公司；请给出该快递员或快递公司".to_owned()
        }
        Refusal::TerminalBlocked => {
            "终端已被锁定；请先解锁（`doorstep terminals unblock`）".to_owned()
        }
        Refusal::CourierSuspended => {
            "快递员已暂停；须先由两人解除（`doorstep unsuspend courier`）".to_owned()
        }
        Refusal::SellerSuspended => {
            "卖家已暂停；须先由两人解除（`doorstep unsuspend seller`）".to_owned()
        }
        Refusal::TooManyTerms => format!(
            "已有 {TERMS_WAITING_MAX} 次变更尚未到生效日；请等待，或以同一生效日替换其中一次"
        ),
        Refusal::TooMany(most) => {
            format!("已达上限 {most} 次；请了结该包裹、付款、账单或差异，另行开始")
        }
        Refusal::WrongSequenceNumber(next) => {
            format!("编号须依次递增，下一个为 {next}；请给出该编号，或不写编号")
        }
        Refusal::PaymentState => "付款状态不符；请用 `doorstep log --parcel WAYBILL` \
                                  查看：可能尚未收款，或已退款、冲正或拒付"
            .to_owned(),
        Refusal::EarlierPaymentUnknown => "该包裹此前有一笔付款结果未知；请等待其冲正".to_owned(),
        Refusal::TooManyUnknown => format!(
            "该卡组织已有 {UNKNOWN_PAYMENTS_PER_NETWORK_MAX} 笔付款结果未知；\
             请等待其中一部分冲正"
        ),
        Refusal::CashLimitExceeded(limit) => {
            format!("将超过快递员的现金限额 {}（最小货币单位）；请先交款", limit.minor())
        }
        Refusal::HandOverOpen => "快递员有一笔交款尚未清点；请先清点或取消".to_owned(),
        Refusal::NoCashInHand => "快递员没有可交的现金；无需办理".to_owned(),
        Refusal::CodesUsedUp => "一次性验证码错误次数过多；请由主管清点或取消交款".to_owned(),
        Refusal::PersonNotRegistered(person) => {
            format!("人员 {person} 未登记或已被移除；请给出已登记人员的编号")
        }
        Refusal::OnlyCourier(person) => {
            format!(
                "人员 {person} 是快递员，或代表卖家或快递公司，尚未由两人登记为人员；请先登记\
                 （`doorstep setup person`）"
            )
        }
        Refusal::NotOneOfThePersons(person) => {
            format!("人员 {person} 发出该命令，但不是其中写明的人员；请由其中一人发出")
        }
        Refusal::NotAdministrator(person) => {
            format!("人员 {person} 不是管理员；请由管理员批准或撤销（`doorstep user list`）")
        }
        Refusal::LastAdministrator => {
            "该人员是最后一名管理员；请先将该角色授予他人（`doorstep user grant`）".to_owned()
        }
        Refusal::KeyNotInForce(key) => format!(
            "API 密钥 {key} 未签发、已吊销或已到期，或其持有人已被移除；请另行签发\
             （`doorstep api-key issue`）"
        ),
        Refusal::KeyOfNoPerson(key) => {
            format!("API 密钥 {key} 不属于任何人员，而命令写明由谁发出；请由其中一人发出")
        }
        Refusal::KeyGrants => "人员的密钥只能有该人员拥有的角色，每个一次；其他密钥只能有一个卖家\
                               或一家快递公司；请更正角色"
            .to_owned(),
        Refusal::KeyTime => {
            format!("密钥须在现在之后、{} 天之内到期；请给出其他时间", books::API_KEY_DAYS_MAX)
        }
        Refusal::TooManyKeys => {
            format!("已签发 {} 个密钥，本账簿不能再签发，请用已有的密钥", books::API_KEYS_MAX)
        }
        Refusal::RefundNeedsTwoPeople(limit) => format!(
            "一笔付款的退款超过 {}（最小货币单位）须由两人办理；请运行 `doorstep refund by-two`",
            limit.minor()
        ),
        Refusal::SamePerson => {
            "须由第二人复核：既不是第一人，也未曾参与此事；请由他人发出该命令".to_owned()
        }
        Refusal::AdjustedAccounts => {
            "调整分录须在银行账户、卖家、快递公司、自有收入或费用四类中的两类之间；请给出这两者"
                .to_owned()
        }
        Refusal::SellerPays => {
            "该破损或丢失包裹由卖家承担，不予赔付；确需支付，请记调整分录（`doorstep period \
             adjust`）"
                .to_owned()
        }
        Refusal::ChangesOutOfOrder => "UTC 偏移的变更须按时间先后排列；请排序".to_owned(),
        Refusal::NothingToPay => {
            "该结算周期没有应付的卖家；请在 `doorstep status` 显示有应付金额时再作计划".to_owned()
        }
        Refusal::PersonRemoved(person) => {
            format!("人员 {person} 此前已登记，并已永久移除；请登记其他编号")
        }
        Refusal::ChargebackWasLost => {
            "该拒付此前抗辩失败；清算明细行退回该款时即为抗辩成功，无需处理".to_owned()
        }
        Refusal::ChargebackWasWon => "该拒付此前抗辩成功；如属误录，请由两人撤回\
                                      （`doorstep chargeback take-back-win`）"
            .to_owned(),
        Refusal::ChargebackNotWon => "该拒付未抗辩成功；没有可撤回的，无需处理".to_owned(),
        Refusal::ChargebackPaidBack => {
            "清算文件的明细行已退回该拒付的款项；再次拒付请以下一个编号登记".to_owned()
        }
        Refusal::ChargebackFeeAboveMost(most) => format!(
            "一笔拒付的费用最多 {}（最小货币单位）；请给出不超过此数的金额，\
             或先由两人另设上限（`doorstep setup chargeback-fee`）",
            most.minor()
        ),
        Refusal::LineOfAnotherRequest(one) => format!(
            "清算明细行所列付款的请求为 {}，而该行为 {}；请去掉该付款，该行即成为差异",
            reference(&one.known),
            reference(&one.line)
        ),
        Refusal::ReferenceOfOtherRail => {
            "卡组织的清算明细行须写明请求（检索参考号、流水号、时间），钱包的须写明订单".to_owned()
        }
        Refusal::NotThePaymentsSeller(seller) => {
            format!("该差异的清算明细行写明了卖家 {seller} 的付款；请归于该卖家")
        }
        Refusal::InvoiceNotOpen => "账单没有未付部分：已付清或已取消；无需处理".to_owned(),
        Refusal::PlanNeedsTwoPeople => {
            "该计划由日历生成，须由两人批准；请运行 `doorstep settlement approve-cycle`".to_owned()
        }
        Refusal::PayoutOnItsWay(payout) => {
            format!("打款 {payout} 正在打往该账户；请在银行确认或退回该笔打款之后再清除账户")
        }
        Refusal::MoneyForSubject(amount) => format!(
            "还有 {}（最小货币单位）应付给本人；\
             请先付清，或写明责令清除的法院或主管机关（--ordered-by）",
            amount.minor()
        ),
        Refusal::SellerHasOpenParcels => {
            "卖家还有未完结的包裹；请先完结，或写明责令清除的法院或主管机关（--ordered-by）"
                .to_owned()
        }
        Refusal::OtherPersonalData => {
            "所列主体没有这类个人信息；收款账户和证件信息请列卖家，收件信息请列包裹".to_owned()
        }
        Refusal::PlanState => {
            "结算计划或差异的状态不符；请先用 `doorstep status` 或 `doorstep breaks` 查看"
                .to_owned()
        }
        Refusal::LimitReached => {
            "账户余额将超出限额；请用 `doorstep accounts` 查看，并减小金额".to_owned()
        }
        Refusal::RetentionOutOfRange => {
            format!("保留期须为 {RETENTION_DAYS_MIN} 至 {RETENTION_DAYS_MAX} 天；请另给天数")
        }
        Refusal::BadDate(date, first, last) => {
            format!("日期 {date} 在此不可用；{}", possible_dates(*first, *last))
        }
        Refusal::WrongBatch(last) => {
            format!("终端的最后批次为 {last}，可能已结算；请重新签到")
        }
        Refusal::BatchFull => "批次已满；请批结算后重新签到".to_owned(),
        Refusal::BatchBusy => "批次有未获应答的交易；请在应答后批结算".to_owned(),
        Refusal::BatchNotDisputed => {
            "该批次未结算或对账相平，不是对账不平的批次；无需办理".to_owned()
        }
        Refusal::TraceTaken => "该流水号已用于批次中的另一笔交易；请用下一个流水号".to_owned(),
        Refusal::RequestDeclined(declined) => {
            format!(
                "终端该流水号的请求已被拒绝（应答码 {}），不再更改；请用下一个流水号",
                declined.code
            )
        }
        Refusal::NetworkWithdrawn => {
            "该卡组织已停用；请选择其他卡组织，或由两人恢复（`doorstep network \
             reinstate`）"
                .to_owned()
        }
        Refusal::BadRoute => format!(
            "卡付款须列出 1 至 {ROUTE_CANDIDATES_MAX} 个卡组织，且只选中其自身的卡组织；\
             其他付款不得列出卡组织；请更正路由"
        ),
        Refusal::BadMethod => "此处不能使用该付款方式；请用终端、卡组织或钱包受理的方式".to_owned(),
        Refusal::WrongSubject => {
            "卡片、原交易或卡组织报文与该交易类型不符；请给出相符的原交易".to_owned()
        }
        Refusal::BreakOfSuspendedSale => {
            "该差异是挂账的离线消费；请决定记入其包裹，还是应退买家".to_owned()
        }
        Refusal::PreAuthorisationExpired => "预授权已过期；请以其他方式收款".to_owned(),
        Refusal::ApprovedDecline => "应答码 00 表示批准；拒绝须用其他应答码".to_owned(),
        Refusal::WrongChange => "实收现金减去找零须等于金额；请更正其中之一".to_owned(),
        Refusal::TooManyOpenItems => format!(
            "该终端已有 {OPEN_ITEMS_PER_TERMINAL_MAX} 个待查账项；请先结案一部分，再开新批次"
        ),
        Refusal::FileNotEnded(file) => {
            format!("该来源的第 {file} 份文件尚未录完；请先录入其全部各行并结束该文件")
        }
        Refusal::FileTakenBefore(file) => {
            format!("该文件此前已作为第 {file} 份录入；无需再做")
        }
        Refusal::FileHasAllLines(lines) => {
            format!("该文件共 {lines} 行，账簿已全部录入；其余内容请作为另一份文件给出")
        }
        Refusal::FileLinesMissing(lines) => {
            format!("账簿有该文件的 {lines} 行，少于文件所述；请先给出其余各行")
        }
        Refusal::FileTotal(sum) => format!(
            "文件各行合计为 {}（最小货币单位），与文件所述合计不符；\
             请用 `doorstep log` 查看由谁发出",
            sum.minor()
        ),
        Refusal::OpeningBalanceOfFile => {
            "银行对账单须有期初余额，其他文件没有；请更正文件".to_owned()
        }
        Refusal::StatementGap(closing) => format!(
            "上一份对账单的期末余额为 {}（最小货币单位），与本份的期初余额不符；\
             请先给出其间的对账单",
            closing.minor()
        ),
        Refusal::EntryPartsNotInOrder => {
            "银行记录的各组成部分须按动账的顺序排列，每笔动账只列一次；请排序".to_owned()
        }
        Refusal::MovementAmount(open) => format!(
            "该笔动账可匹配 {}（最小货币单位）；请给出方向相同且不超过此数的部分",
            open.minor()
        ),
        Refusal::OtherBankAccount => "属于另一银行账户；请指定该账户".to_owned(),
    }
}

fn text_fault(fault: TextFault) -> String {
    match fault {
        TextFault::Length => format!("须为 1 至 {REFERENCE_BYTES_MAX} 字节"),
        TextFault::Blank => "不得只有空格".to_owned(),
        TextFault::Invisible(character) => {
            format!("含不可见字符 U+{:04X}", u32::from(character))
        }
        TextFault::CardNumber => "形似银行卡号，账簿不保存卡号".to_owned(),
        TextFault::NotACountry => "须为两个字母的国家代码，例如 CN".to_owned(),
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

fn possible_dates(first: BusinessDate, last: BusinessDate) -> String {
    match (first, last) {
        _ if first > last => "现在没有可用的日期，请等到一天结束".to_owned(),
        _ if first == last => format!("只能是 {first}"),
        (BusinessDate(0), last) => format!("请给出 {last} 或更早的日期"),
        (first, BusinessDate::MAX) => format!("请给出 {first} 或更晚的日期"),
        _ => format!("请给出 {first} 至 {last} 的日期"),
    }
}

fn missing(missing: &MissingRecord) -> &'static str {
    match missing {
        MissingRecord::Bank(_) => "银行账户；请检查名称，或先登记（`doorstep setup bank`）",
        MissingRecord::Firm(_) => "快递公司；请检查名称，或先登记（`doorstep setup firm`）",
        MissingRecord::Courier(_) => "快递员；请检查名称，或先登记（`doorstep setup courier`）",
        MissingRecord::Terminal(_) => "终端；请检查编号，或先登记（`doorstep setup terminal`）",
        MissingRecord::Network(_) => "卡组织；请检查名称，或先登记（`doorstep setup network`）",
        MissingRecord::Wallet(_) => "钱包；请检查名称，或先登记（`doorstep setup wallet`）",
        MissingRecord::Seller(_) => "卖家；请检查名称，或先登记（`doorstep setup seller`）",
        MissingRecord::Tariff(_) => {
            "费率；请写费率名称和币种，例如 `china-2013 CNY`，或先发布（`doorstep setup tariff`）"
        }
        MissingRecord::Class => "费率类别；请给出费率中类别的序号，从 0 开始",
        MissingRecord::HoldRule => {
            "卖家所在地区的资金冻结规则；请先设置（`doorstep setup hold-rule`），或检查地区"
        }
        MissingRecord::Parcel(_) => {
            "包裹；请用 `doorstep parcels` 检查运单号，或先登记（`doorstep parcel announce`）"
        }
        MissingRecord::Payment => "付款；请用 `doorstep log --parcel WAYBILL` 查看付款的序号",
        MissingRecord::HandOver(_) => "待清点的交款；请用 `doorstep cash` 查看，可能已清点或取消",
        MissingRecord::Deposit(_) => "待确认的缴存；请用 `doorstep cash` 查看，可能已确认或取消",
        MissingRecord::Plan(_) => "结算计划；请用 `doorstep status` 查看，可能已执行",
        MissingRecord::Payout(_) => {
            "在途打款；请用 `doorstep statement SELLER` 查看，可能已付、已退回或尚未发出"
        }
        MissingRecord::PayoutAccount => {
            "生效的收款账户；请用 `doorstep payout-account list` 查看，可能已清除，或已换成另一账户"
        }
        MissingRecord::Break(_) => "未结差异；请用 `doorstep breaks` 查看编号，可能已结案",
        MissingRecord::Transaction => "交易记录；请给出账簿仍保存的原交易",
        MissingRecord::Chargeback => "序号的拒付；请用 `doorstep log --parcel WAYBILL` 查看",
        MissingRecord::Invoice => "卖家账单；请先开账单（`doorstep invoice seller`）",
        MissingRecord::OpenItem(_) => {
            "待查账项；请用 `doorstep open-items --kind batch` 查看编号，可能已结案"
        }
        MissingRecord::File(_) => "文件；请先开始录入该文件，编号请用 `doorstep recon status` 查看",
        MissingRecord::BankMovement => {
            "尚未出现在对账单上的动账；请用 `doorstep recon status` 查看，\
             可能已出现在某份对账单上"
        }
        MissingRecord::ExpectedEntry => {
            "待入账原因的银行记录；请用 `doorstep recon status` 查看，可能已匹配或已成为差异"
        }
    }
}
