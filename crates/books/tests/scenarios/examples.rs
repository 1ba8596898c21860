//! Examples of every command with every alternative inside it, for the golden bytes and for hostile
//! commands.

use books::*;
use money::{Amount, Currency, Rate, SignedAmount};
use tariff::{
    CappedRate, CardKind, CardRates, FixedOrShare, PerMethod, SellerClass, SellerClassNumber, Terms,
};

use crate::world::*;

fn terms() -> Terms {
    let share = |ppm| Rate::from_ppm(ppm).unwrap();
    let capped = |ppm, cap| CappedRate { rate: share(ppm), cap };
    let rates = CardRates {
        issuer: capped(5_500, None),
        network: capped(800, Some(Amount::of(325))),
        acquirer: capped(1_500, None),
        cap: Some(Amount::of(2_600)),
    };
    let credit = CardRates { cap: None, ..rates };
    let class = |name: &str| SellerClass {
        name: name.into(),
        debit: rates,
        credit,
        wallet: capped(6_000, None),
    };
    let fee = |fixed, ppm| FixedOrShare { fixed: Amount::of(fixed), share: share(ppm) };
    Terms {
        classes: vec![class("general"), class("dining")],
        cod: PerMethod { card: fee(0, 0), qr: fee(50, 2_000), cash: fee(200, 10_000) },
        commission: PerMethod { card: fee(0, 0), qr: fee(20, 0), cash: fee(100, 5_000) },
        return_fee: Amount::of(400),
        freight: Amount::of(650),
        vat: share(60_000),
        offline_loss: tariff::LossOwner::Firm,
    }
}

fn files_and_statements() -> Vec<(&'static str, Command)> {
    use BankMovement as M;
    use ReconBreakKind as K;
    let (payment, number) = (first(ParcelId::derived(SELLER, "o-1")), 1);
    let (rail, seller, currency) = (RailId::Wallet(WALLET), SELLER, Currency::CNY);
    let begin = |lane, opening| {
        Command::BeginFile(BeginFile {
            lane,
            file: 1,
            digest: Sha256Digest([7; 32]),
            form: "camt.053".into(),
            from: day("2013-08-27"),
            until: day("2013-08-28"),
            lines: 2,
            total: SignedAmount::of(-1_250),
            opening,
        })
    };
    let end = |lane| Command::EndFile(EndFile { lane, file: 1, digest: Sha256Digest([9; 32]) });
    let movements = [
        M::ClearingFile { rail: RailId::Network(NETWORK), file: 1 },
        M::ClearingFile { rail, file: 2 },
        M::Deposit(DepositId(1)),
        M::Payout(PayoutId(1)),
        M::ReturnedPayout(PayoutId(1)),
        M::Refund { payment, number },
        M::Commission { firm: FIRM, number: 1 },
        M::Tax(1),
        M::InvoicePayment { seller, currency, invoice: 1, number },
        M::Adjustment(1),
        M::Break(BreakId(1)),
        M::BreakClosed(BreakId(1)),
        M::Collection(payment),
    ];
    let part = |movement| EntryPart { movement, amount: SignedAmount::of(-9_922) };
    let entry = |parts, expected_until, found| {
        Command::TakeEntry(TakeEntry {
            bank: BANK,
            firm: None,
            file: 1,
            line: 1,
            booked: day("2013-08-28"),
            amount: SignedAmount::of(9_937),
            parts,
            expected_until,
            found,
        })
    };
    let decide = |parts, expected_until, found| {
        let (bank, firm, file, line) = (BANK, None, 1, 1);
        Command::MatchEntry(MatchEntry { bank, firm, file, line, parts, expected_until, found })
    };
    let until = Some(day("2013-08-30"));
    let Command::TakeEntry(of_sheet) = entry(vec![part(M::Collection(payment))], None, None) else {
        unreachable!("an entry")
    };
    let sheet = Command::TakeEntry(TakeEntry { firm: Some(FIRM), ..of_sheet });
    vec![
        ("Network", begin(FileLane::Network(NETWORK), None)),
        ("Wallet", begin(FileLane::Wallet(WALLET), None)),
        ("Bank", begin(FileLane::Bank(BANK), Some(SignedAmount::of(-100)))),
        ("Firm", begin(FileLane::Firm(FIRM), None)),
        ("Break", entry(Vec::new(), None, Some(EntryFinding::Broken(K::Duplicate)))),
        ("Sheet", sheet),
        ("Expected", entry(Vec::new(), until, Some(EntryFinding::Awaited))),
        ("Parts", entry(movements.map(part).into(), None, Some(EntryFinding::SubsetSum))),
        ("Break", decide(vec![part(M::Deposit(DepositId(2)))], None, None)),
        ("Expected", decide(Vec::new(), until, Some(EntryFinding::Awaited))),
        ("Network", end(FileLane::Network(NETWORK))),
        ("Wallet", end(FileLane::Wallet(WALLET))),
        ("Bank", end(FileLane::Bank(BANK))),
        ("Firm", end(FileLane::Firm(FIRM))),
    ]
}

/// Examples, each with a suffix if its command has several.
pub fn examples() -> Vec<(&'static str, Command)> {
    let mut examples = parties();
    examples.extend(doors());
    examples.extend(cash_and_clearing());
    examples.extend(settlement_and_breaks());
    examples.extend(files_and_statements());
    examples.extend(terminals());
    examples.extend(access());
    examples.extend(notices());
    examples
}

fn notices() -> Vec<(&'static str, Command)> {
    let parcel = ParcelId::derived(SELLER, "o-1");
    vec![
        ("Seller", retry_notices(NoticeOwner::Seller(SELLER), Some(3), false)),
        ("Firm", retry_notices(NoticeOwner::Firm(FIRM), None, true)),
        ("Courier", retry_notices(NoticeOwner::Courier(COURIER), None, false)),
        ("Buyer", retry_notices(NoticeOwner::Buyer(parcel), None, false)),
        ("Staff", retry_notices(NoticeOwner::Staff, None, false)),
        ("Public", retry_notices(NoticeOwner::Public, None, false)),
    ]
}

fn access() -> Vec<(&'static str, Command)> {
    use GrantedRole as G;
    let by = [ANNA, BO];
    let roles = [
        ("Administrator", G::Administrator),
        ("Operator", G::Operator),
        ("Finance", G::Finance),
        ("Auditor", G::Auditor),
        ("Hub", G::Hub),
        ("Courier", G::Courier),
        ("Seller", G::Seller(SELLER)),
        ("Firm", G::Firm(FIRM)),
    ];
    let events = [
        ("SignedIn", AccessEvent::SignedIn),
        ("LockedOut", AccessEvent::LockedOut),
        ("SteppedUp", AccessEvent::SteppedUp),
        ("PasswordSet", AccessEvent::PasswordSet),
        ("SignedOut", AccessEvent::SignedOut),
        ("SessionEnded", AccessEvent::SessionEnded),
        ("KeySecretMade", AccessEvent::KeySecretMade),
        ("PasskeyAdded", AccessEvent::PasskeyAdded),
        ("PasskeyRemoved", AccessEvent::PasskeyRemoved),
        ("PasskeySuspected", AccessEvent::PasskeySuspected),
        ("SignedInByPasskey", AccessEvent::SignedInByPasskey),
        ("SignedInByProvider", AccessEvent::SignedInByProvider),
        ("IdentityLinked", AccessEvent::IdentityLinked),
        ("IdentityUnlinked", AccessEvent::IdentityUnlinked),
        ("PasswordChanged", AccessEvent::PasswordChanged),
    ];
    let mut examples: Vec<_> =
        roles.into_iter().map(|(name, role)| (name, grant(CASHIER, 1, role, by))).collect();
    examples.extend(events.map(|(name, event)| (name, access_event(1, Some(ANNA), event))));
    examples.extend([
        ("Nobody", access_event(2, None, AccessEvent::LockedOut)),
        ("", revoke(CASHIER, 2, G::Hub, ANNA)),
        ("Person", issue_key(7, Some(CASHIER), &[G::Hub, G::Operator], 30, by)),
        ("Seller", issue_key(8, None, &[G::Seller(SELLER)], 30, by)),
        ("", revoke_key(7, ANNA)),
        ("", reset_second_factor(CASHIER, 1, by)),
    ]);
    examples
}

fn parties() -> Vec<(&'static str, Command)> {
    use Command as C;
    let currency = Currency::CNY;
    let reference = |text: &str| text.to_owned();
    let seller = |kind, cycle| {
        C::RegisterSeller(RegisterSeller {
            seller: SellerId(3),
            kind,
            currency,
            jurisdiction: CHINA,
            tariff: TARIFF,
            class: SellerClassNumber(1),
            cycle,
            minimum: Amount::of(5_000),
            reference: reference("seller 3"),
        })
    };
    let rule = |rule| set_hold_rule(CHINA, 2, rule);
    let tariff = |currency, until| {
        C::PublishTariff(PublishTariff {
            tariff: TARIFF,
            version: 2,
            currency,
            from: day("2013-09-01"),
            until,
            terms: Box::new(terms()),
            reference: reference("tariff 2"),
            proposed_by: ANNA,
            approved_by: BO,
        })
    };
    vec![
        ("", as_trial(open_books_at(-180, [ANNA, BO]))),
        ("", register_person(CASHIER, [ANNA, BO])),
        ("", remove_person(CASHIER, [ANNA, BO])),
        (
            "",
            C::RegisterBank(RegisterBank {
                bank: BankId(2),
                currency,
                reference: reference("bank 2"),
            }),
        ),
        (
            "",
            C::RegisterFirm(RegisterFirm {
                firm: FirmId(3),
                currency: Currency::BRL,
                guarantee: Amount::of(1_000_000),
                reference: reference("firm 3"),
                proposed_by: ANNA,
                approved_by: BO,
            }),
        ),
        (
            "",
            C::RegisterCourier(RegisterCourier {
                courier: CourierId(4),
                firm: FIRM,
                cash_limit: Amount::ENTRY_MAX,
                reference: reference("courier 四"),
                proposed_by: ANNA,
                approved_by: BO,
            }),
        ),
        ("", C::RegisterTerminal(RegisterTerminal { terminal: TerminalId(3), courier: COURIER })),
        ("", hand_terminal(TERMINAL, 1, COLLEAGUE)),
        ("", block_terminal(TERMINAL, 2, true)),
        (
            "",
            C::RegisterNetwork(RegisterNetwork {
                network: NetworkId(2),
                currency,
                reference: reference("net 2"),
            }),
        ),
        (
            "",
            C::RegisterWallet(RegisterWallet {
                wallet: WalletId(2),
                currency,
                reference: reference("wallet 2"),
            }),
        ),
        (
            "",
            C::SetTimeZone(SetTimeZone {
                number: 1,
                zone: reference("Europe/Berlin"),
                table_version: reference("2013c"),
                utc_offset_minutes: 120,
                changes: vec![
                    UtcOffsetChange { from: Timestamp(1_382_835_600_000), utc_offset_minutes: 60 },
                    UtcOffsetChange { from: Timestamp(1_396_141_200_000), utc_offset_minutes: 120 },
                ],
            }),
        ),
        ("", set_seller_terms(1, "2013-09-01", SellerClassNumber(1))),
        ("", set_firm_terms(1, "2013-09-01", 50_000, 100_000)),
        ("", set_cash_limit(1, "2013-09-01", 200_000)),
        ("", set_payout_account(1, 7, [ANNA, BO])),
        ("", erase_payout_account(2, 7, [ANNA, BO])),
        (
            "",
            record_disclosure(
                1,
                &[DataSubject::Seller(SELLER), DataSubject::Seller(OTHER_SELLER)],
                PersonalDataKind::Identity,
            ),
        ),
        ("Seller", erase_subject(1, DataSubject::Seller(SELLER), None, [ANNA, BO])),
        (
            "Buyer",
            erase_subject(
                2,
                DataSubject::Buyer(ParcelId::new(7)),
                Some(ErasureOrder::Court),
                [ANNA, BO],
            ),
        ),
        ("OnePerson", suspend_seller(1, true, None)),
        ("TwoPersons", suspend_seller(2, false, Some(BO))),
        ("OnePerson", suspend_courier(1, true, None)),
        ("TwoPersons", suspend_courier(2, false, Some(BO))),
        ("AtOnce", rule(HoldRule::AtOnce)),
        ("DaysAfterHeld", rule(HoldRule::DaysAfterHeld(2))),
        ("DaysAfterDelivery", rule(HoldRule::DaysAfterDelivery(5))),
        ("AnyCurrency", tariff(None, None)),
        ("OneCurrency", tariff(Some(Currency::TND), Some(day("2014-01-01")))),
        ("BusinessDaily", seller(SellerKind::Business, SettlementCycle::Daily)),
        ("IndividualWeekly", seller(SellerKind::Individual, SettlementCycle::Weekly)),
        ("IndividualMonthly", seller(SellerKind::Individual, SettlementCycle::Monthly)),
    ]
}

fn doors() -> Vec<(&'static str, Command)> {
    use Command as C;
    let parcel = ParcelId::derived(SELLER, "o-1");
    let other = ParcelId::derived(SELLER, "o-2");
    let payment = PaymentId { parcel, number: 1 };
    let attempt = |reason| C::RecordAttempt(RecordAttempt { parcel, number: 1, reason });
    let damaged = |paid_by| RefuseReason::Damaged { paid_by };
    let by_phone =
        |receiver| C::TakeCashByPhone(TakeCashByPhone { receiver, ..phone_cash(parcel, 1, 4_500) });
    let refuse = |reason| C::RefuseParcel(RefuseParcel { parcel, reason });
    vec![
        ("", announce(SELLER, "o-1", 10_000)),
        ("", assign_all(FIRM, &[(parcel, 1), (other, 2)])),
        ("", amend_due(parcel, 1, 9_000)),
        ("", cancel_parcel(parcel)),
        ("", dispatch_all(COURIER, &[(parcel, 1), (other, 2)])),
        ("NobodyHome", attempt(AttemptReason::NobodyHome)),
        ("AddressWrong", attempt(AttemptReason::AddressWrong)),
        ("AnotherDay", attempt(AttemptReason::AnotherDay)),
        ("CannotPay", attempt(AttemptReason::CannotPay)),
        ("OutOfTime", attempt(AttemptReason::OutOfTime)),
        ("", accept_part(parcel, 6_000)),
        ("NotWanted", refuse(RefuseReason::NotWanted)),
        ("NotAsOrdered", refuse(RefuseReason::NotAsOrdered)),
        ("DamagedSeller", refuse(damaged(DamagePayer::Seller))),
        ("DamagedFirm", refuse(damaged(DamagePayer::Firm))),
        ("DamagedDoorstep", refuse(damaged(DamagePayer::Doorstep))),
        ("AmountDisputed", refuse(RefuseReason::AmountDisputed)),
        ("AttemptsUsedUp", refuse(RefuseReason::AttemptsUsedUp)),
        ("", C::ReturnParcel(ReturnParcel { parcel })),
        ("", C::LoseParcel(LoseParcel { parcel, paid_by: DamagePayer::Firm })),
        ("", compensate(parcel, 700, [ANNA, BO])),
        ("", pay_discount(parcel, 700)),
        ("", reverse(payment)),
        ("", refund(payment, 1, 400)),
        ("", set_refund_limit(1, 5_000)),
        ("", refund_by_two(payment, 1, 6_000, [ANNA, BO])),
        ("", confirm_refund(payment, 1, 400)),
        ("", charge_back(payment, 2, 500)),
        ("Buyer", by_phone(Some(ParcelReceiver::Buyer))),
        ("Household", by_phone(Some(ParcelReceiver::Household))),
        ("Neighbour", by_phone(Some(ParcelReceiver::Neighbour))),
        ("Reception", by_phone(Some(ParcelReceiver::Reception))),
        (
            "Nobody",
            C::TakeCashByPhone(TakeCashByPhone {
                elapsed_ms: None,
                ..phone_cash(parcel, 1, 4_500)
            }),
        ),
    ]
}

fn cash_and_clearing() -> Vec<(&'static str, Command)> {
    let payment = PaymentId { parcel: ParcelId::derived(SELLER, "o-1"), number: 1 };
    let line = |kind, amount, deducted| {
        let Command::ClearLine(line) = line_of(kind, Some(payment), amount, deducted) else {
            unreachable!("a line");
        };
        Command::ClearLine(ClearLine { file: 2, line: 7, ..line })
    };
    let settled = settled_on("2013-08-27", line(ClearLineKind::Sale, 10_000, 63));
    let Command::ClearLine(order) = line_of(ClearLineKind::FeeCorrection, None, 0, -7) else {
        unreachable!("a line");
    };
    let order = Command::ClearLine(ClearLine {
        rail: RailId::Wallet(WALLET),
        file: 1,
        line: 1,
        reference: LineReference::Order("00000004000001000001".into()),
        ..order
    });
    vec![
        ("", start_hand_over(1)),
        ("", count(1, 9_900)),
        ("", repay(COURIER, 1, 100)),
        ("", cancel_hand_over(1, CASHIER)),
        ("", count_by_supervisor(1, 9_900, [CASHIER, ANNA])),
        ("", write_off_shortage(1, 100, [ANNA, BO])),
        ("", cover_shortage(1, 100, [ANNA, BO])),
        ("", deduct_shortage(1, 100, [ANNA, BO])),
        ("", deposit(1, 9_900)),
        ("", confirm_deposit(1, 9_000)),
        ("", cancel_deposit(1)),
        ("", pay_commission(1, 120)),
        ("Vat", pay_tax(1, Tax::Vat, 120)),
        ("Withholding", pay_tax(1, Tax::Withholding, 120)),
        ("Sale", line(ClearLineKind::Sale, 10_000, 63)),
        ("Settled", settled),
        ("Completion", line(ClearLineKind::Completion, 8_000, 50)),
        ("Offline", line(ClearLineKind::Offline, 10_000, 63)),
        ("Refund", line(ClearLineKind::Refund, -400, 0)),
        ("Reversal", line(ClearLineKind::Reversal, -10_000, -63)),
        ("ChargeBack", line(ClearLineKind::ChargeBack, -500, 20)),
        ("Representment", line(ClearLineKind::Representment, 500, 0)),
        ("FeeCorrection", order),
        ("", release("2013-08-28")),
    ]
}

fn settlement_and_breaks() -> Vec<(&'static str, Command)> {
    use BreakSide::{Excess, Shortfall};
    let payment = PaymentId { parcel: ParcelId::derived(SELLER, "o-1"), number: 1 };
    vec![
        ("", plan(1, ANNA)),
        ("", approve_plan(1, BO)),
        ("", reject_plan(1, BO)),
        ("", plan_cycle(1, "2013-08-28")),
        ("", approve_cycle_plan(1, ANNA, BO)),
        ("", execute(1)),
        ("", confirm_payout(1)),
        ("", return_payout(2)),
        ("", invoice(SELLER, 1, 400)),
        ("", pay_invoice(SELLER, 1, 1, 400)),
        ("", cancel_invoice(SELLER, 1, [ANNA, BO])),
        ("BankExcess", raise_break(1, BreakSubject::Bank(BANK), Excess, 500)),
        ("NetworkShortfall", raise_break(2, BreakSubject::Network(NETWORK), Shortfall, 500)),
        ("WalletExcess", raise_break(3, BreakSubject::Wallet(WALLET), Excess, 500)),
        ("FirmCashShortfall", raise_break(4, BreakSubject::FirmCash(FIRM), Shortfall, 500)),
        ("WriteOff", propose_resolution(BreakId(1), BreakResolution::WriteOff, ANNA)),
        ("ThroughBank", propose_resolution(BreakId(2), BreakResolution::ThroughBank(BANK), ANNA)),
        ("ToSeller", propose_resolution(BreakId(3), BreakResolution::ToSeller(SELLER), ANNA)),
        ("ToPayment", propose_resolution(BreakId(4), BreakResolution::ToPayment(payment), ANNA)),
        (
            "ToMovement",
            propose_resolution(
                BreakId(5),
                BreakResolution::ToMovement(BankMovement::Deposit(DepositId(1))),
                ANNA,
            ),
        ),
        ("WriteOff", approve_resolution(BreakId(1), BreakResolution::WriteOff, BO)),
        ("ThroughBank", approve_resolution(BreakId(2), BreakResolution::ThroughBank(BANK), BO)),
        ("", contest(payment, 2)),
        ("", win_chargeback(payment, 2)),
        ("", win_by_two(payment, 2, [ANNA, BO])),
        ("", take_back_won(payment, 2, [ANNA, BO])),
        ("", lose_chargeback(payment, 3)),
        ("", chargeback_fee(payment, 2, 300)),
        ("Seller", set_chargeback_fee(1, 300, ChargebackFeeBearer::Seller)),
        ("Doorstep", set_chargeback_fee(2, 300, ChargebackFeeBearer::Doorstep)),
        ("Goodwill", {
            let (own, seller) = (OwnAccount::OtherExpenses, AdjustmentAccount::Seller(SELLER));
            adjust(1, AdjustmentAccount::Own(own), seller, 500, "2013-08-27")
        }),
        ("BankCharges", {
            let (own, bank) = (OwnAccount::ClearingCost, AdjustmentAccount::Bank(BANK));
            adjust(2, AdjustmentAccount::Own(own), bank, 500, "2013-08-27")
        }),
        ("FirmPays", {
            let firm = AdjustmentAccount::Firm(FIRM);
            adjust(3, AdjustmentAccount::Bank(BANK), firm, 500, "2013-08-27")
        }),
        ("", close_period(1, "2013-08-31", [ANNA, BO])),
        ("", withdraw_break(5, [ANNA, BO])),
        ("", reclassify_break(6, 1, BreakSubject::Bank(BANK), [ANNA, BO])),
        ("", assign_break(BreakId(7), 1, CASHIER)),
        ("Part", part_of(propose_resolution(BreakId(8), BreakResolution::WriteOff, ANNA), 2, 300)),
        ("Part", part_of(approve_resolution(BreakId(8), BreakResolution::WriteOff, BO), 2, 300)),
        ("", set_retention(1, 365, [ANNA, BO])),
        ("", Command::ForgetClosed(ForgetClosed { before: day("2013-02-25"), limit: 1_000 })),
    ]
}

fn terminals() -> Vec<(&'static str, Command)> {
    use Command as C;
    let parcel = ParcelId::derived(SELLER, "o-1");
    let payment = first(parcel);
    let totals = BatchTotals {
        card_debits: totals_line(2, 12_000),
        card_credits: totals_line(1, 2_000),
        other_debits: totals_line(1, 500),
        other_credits: totals_line(0, 0),
    };
    let verdicts = [
        RouteVerdict::Chosen,
        RouteVerdict::MoreExpensive,
        RouteVerdict::Down,
        RouteVerdict::Withdrawn,
        RouteVerdict::CardNotAccepted,
        RouteVerdict::TooManyUnknown,
        RouteVerdict::WrongCurrency,
    ];
    let route_candidates = (1..).zip(verdicts).map(|(network, verdict)| {
        let (network, cost) = (NetworkId(network), Amount::of(60 + network));
        RouteCandidate { network, cost, verdict }
    });
    let (kind, network) = (CardKind::Credit, NETWORK);
    let mut pre_authorisation = pre_authorise(8, parcel, 9_000);
    if let C::BeginPurchase(BeginPurchase { route_candidates: list, route, .. }) =
        &mut pre_authorisation
    {
        (*list, *route) = (route_candidates.collect(), PaymentRoute::Card { network, kind });
    }
    let declined = PaymentResolution::Declined { code: ResponseCode::of(b"51") };
    let closed = |reason| {
        let (item, proposed_by, approved_by) = (OpenItemId(1), ANNA, BO);
        Command::CloseOpenItem(CloseOpenItem { item, reason, proposed_by, approved_by })
    };
    let resolve_suspended = |decision| {
        let payment = PaymentId { parcel, number: FIRST_SUSPENDED_PAYMENT };
        let (proposed_by, approved_by) = (ANNA, BO);
        let command = ResolveSuspendedSale { payment, decision, proposed_by, approved_by };
        Command::ResolveSuspendedSale(command)
    };
    vec![
        ("", open_batch(1)),
        ("Sale", sell(7, parcel, 10_000)),
        ("PreAuthorisation", pre_authorisation),
        ("Qr", sell_by_qr(9, parcel, 10_000)),
        ("Approved", approve(payment)),
        ("Paid", pay(payment)),
        ("Declined", resolve_purchase(payment, declined)),
        ("Unknown", outcome_unknown(payment)),
        ("", complete(10, payment, 8_000)),
        ("Approved", resolve_completion(payment, COMPLETED)),
        ("Declined", resolve_completion(payment, declined)),
        ("Unknown", resolve_completion(payment, PaymentResolution::Unknown)),
        ("", C::ConfirmCompletionReversal(ConfirmCompletionReversal { payment })),
        ("", void(11, payment)),
        ("", begin_reversal(payment)),
        ("", reverse_void(payment)),
        ("Done", reversal_done(payment)),
        ("NotDone", reversal_failed(payment, ResponseCode::of(b"12"))),
        ("", offline_sale(12, parcel, 3_000)),
        ("BookToParcel", resolve_suspended(SuspendedSaleDecision::BookToParcel)),
        ("OweToBuyer", resolve_suspended(SuspendedSaleDecision::OweToBuyer)),
        ("", resolve_advice(payment, ResponseCode::APPROVED)),
        ("", offline_limit(5_000, 20_000)),
        ("", take_cash(13, parcel, 4_500, 5_000)),
        ("", begin_refund(14, payment, 1_000)),
        ("", resolve_refund(14, ResponseCode::APPROVED)),
        ("", close_batch(1, totals)),
        ("", reconcile(1, vec![debit(7, 10_000), credit(14, 1_000)])),
        ("", withdraw(1, Timestamp(1_377_651_600_000))),
        ("", reinstate(2)),
        ("", expire("2013-08-28")),
        ("", reverse_without_original(7)),
        ("", decline_request(8, 0x00C5_417F, b"55")),
        ("", inquire_balance(9, 0x00C5_4180)),
        ("BooksAreRight", closed(OpenItemReason::BooksAreRight)),
        ("BooksWereCorrected", closed(OpenItemReason::BooksWereCorrected)),
        ("Untraceable", close_open_item(1)),
    ]
}
