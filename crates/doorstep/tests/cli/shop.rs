//! The shop window on a real server: search, cart, quote, checkout, pictures, and the links of an
//! order. Nobody signs in.

use std::io::Write;

use listings::Picture;
use serde_json::{Value, json};

use super::market::{FROM, admit, carried_out, open_to};
use super::payout_accounts::assert_in_no_file;
use super::support::eventually;
use super::web::{ANN_WITH_BO, Got, Served, VIEWS, WEB, in_hours, issue, secret, served_with};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const NAME: &str = "王小明";
const ADDRESS: &str = "上海市浦东新区世纪大道";

/// A browser: its cart, and where it was sent.
pub struct Visitor<'s> {
    served: &'s Served,
    cart: String,
    pub language: &'static str,
}

impl Visitor<'_> {
    fn cookies(&self) -> String {
        format!("Cookie: doorstep-language={}; {}", self.language, self.cart)
    }

    fn keep(&mut self, got: &Got) {
        let set = got.all("set-cookie");
        let cart = set.iter().find(|one| one.starts_with("__Host-doorstep-cart="));
        if let Some(cart) = cart {
            for flag in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
                assert!(cart.contains(flag), "{cart}");
            }
            cart.split(';').next().unwrap().clone_into(&mut self.cart);
        }
    }

    pub fn get(&mut self, path: &str) -> Got {
        let headers = [&*self.cookies(), "Accept: text/html"];
        let got = self.served.send("GET", path, &headers, b"");
        self.keep(&got);
        got
    }

    fn post(&mut self, path: &str, pairs: &[(&str, &str)]) -> Got {
        let body = encoded(pairs);
        let headers = [&*self.cookies(), "Accept: text/html", FORM];
        let got = self.served.send("POST", path, &headers, body.as_bytes());
        self.keep(&got);
        got
    }
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    let text = |text: &str| text.bytes().map(byte).collect::<String>();
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", text(name), text(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// What stands between two texts of a page.
fn between<'p>(page: &'p str, before: &str, after: &str) -> &'p str {
    let rest = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}")).1;
    rest.split_once(after).unwrap().0
}

fn jpeg() -> Vec<u8> {
    Picture::drawn((640, 480), |x, y| [x.to_le_bytes()[0], y.to_le_bytes()[0], 90]).large
}

fn send_picture(served: &Served, media: &str, bytes: &[u8]) -> Got {
    served.send("POST", "/v1/pictures", &[&format!("Content-Type: {media}")], bytes)
}

fn send_text(served: &Served, text: &Value) -> Got {
    let headers = ["Content-Type: application/json"];
    served.send("POST", "/v1/offer-texts", &headers, text.to_string().as_bytes())
}

/// Two sellers: tea at 120.00 (10 units) with a picture, a pot at 99.99 (5 units); and a threshold
/// of the tea's seller alone.
fn shop() -> (Served, String) {
    shop_with("")
}

/// With more settings of the API.
pub fn shop_with(web: &str) -> (Served, String) {
    let settings = format!(
        "{VIEWS}{WEB}{web}[web.shop]\nopen = true\n\n[[web.shop.category]]\nid = 1\nen = \"Tea\"\n\
         zh = \"茶叶\"\n\n"
    );
    let served = served_with(&settings, |_| {});
    for kind in ["Business", "Individual"] {
        open_to(&served, kind, 200, 3);
    }
    let picture = send_picture(&served, "image/jpeg", &jpeg()).is(200).json();
    let picture = picture["picture"].as_str().unwrap().to_owned();
    let all = [
        ("tea-shop", "Business", "tea", 12_000, 10, "高山乌龙茶 Oolong tea", 1),
        ("pots", "Individual", "pot", 9_999, 5, "紫砂壺 Clay <b>pot</b>", 2),
    ];
    for (seller, kind, sku, price, units, title, category) in all {
        admit(&served, seller, kind, 0);
        let pictures = if sku == "tea" { vec![&picture] } else { vec![] };
        let text = json!({
            "title": title, "description": "Good.", "captions": ["front"], "pictures": pictures,
            "language": "zh",
        });
        let kept = send_text(&served, &text).is(200).json();
        assert_eq!(send_text(&served, &text).is(200).json(), kept);
        let draft = json!({
            "seller": seller, "currency": "CNY", "category": category.to_string(),
            "reference": sku, "content": kept["content"],
            "variants": [{ "sku": "one", "price": price, "weight_g": 500 }],
        });
        carried_out(served.give("draft-offer", &format!("d-{seller}"), &draft));
        let variant = format!("{seller}/{sku}/one");
        let stock = json!({ "variant": variant, "quantity": units, "reason": "Received" });
        carried_out(served.give("adjust-stock", &format!("k-{seller}"), &stock));
        set_state(&served, seller, sku, "Listed");
    }
    let threshold = json!({
        "promotion": "pro_1", "currency": "CNY",
        "rule": { "Threshold": [{ "spend": 20_000, "save": 3_000 }] },
        "from": FROM, "until": "2099-01-01T00:00:00+08:00", "platform_share": 0, "order": 10,
        "scope": { "sellers": ["tea-shop"] }, "broken_threshold": "Keep", "undone_use": "Keep",
    });
    let published = carried_out(served.give("publish-promotion", "t-1", &threshold));
    assert!(published.is_object());
    let coupon = json!({
        "promotion": "pro_2", "currency": "CNY", "rule": { "AmountOff": 1_000 }, "from": FROM,
        "until": "2099-01-01T00:00:00+08:00", "platform_share": 0, "order": 20, "by_coupon": true,
        "scope": { "sellers": ["tea-shop"] }, "broken_threshold": "Keep", "undone_use": "Keep",
    });
    carried_out(served.give("publish-promotion", "t-2", &coupon));
    let coupons = json!([{ "coupon": "tea10", "single_use": false }]);
    let issue = json!({ "promotion": "pro_2", "coupons": coupons });
    carried_out(served.give("issue-coupons", "c-1", &issue));
    eventually("both offers are found", || {
        let mut visitor = Visitor { served: &served, cart: String::new(), language: "en" };
        visitor.get("/shop").is(200).body.contains("2 offers")
    });
    (served, picture)
}

fn set_state(served: &Served, seller: &str, sku: &str, state: &str) {
    let fields = json!({ "offer": format!("{seller}/{sku}"), "state": state });
    let key = format!("{state}-{sku}-{}", jiff::Timestamp::now().as_nanosecond());
    carried_out(served.give("set-offer-state", &key, &fields));
}

pub fn visitor<'s>(served: &'s Served, language: &'static str) -> Visitor<'s> {
    Visitor { served, cart: String::new(), language }
}

fn href<'p>(page: &'p str, title: &str) -> &'p str {
    let before = page.split(title).next().unwrap();
    before.rsplit_once("href=\"").unwrap().1.split('"').next().unwrap()
}

/// Puts units of the offer with a title into the cart.
pub fn add(visitor: &mut Visitor<'_>, title: &str, quantity: &str) -> Got {
    let list = visitor.get("/shop").is(200).body;
    let path = href(&list, title).to_owned();
    let offer = visitor.get(&path).is(200).body;
    let variant = between(&offer, "name=\"variant\" value=\"", "\"").to_owned();
    let id = path.rsplit('/').next().unwrap();
    let pairs = [("offer", id), ("variant", &*variant), ("quantity", quantity)];
    visitor.post("/shop/cart", &pairs)
}

/// The fields of the checkout's form, filled in.
pub fn filled(form: &str, phone: &str, coupons: &str) -> Vec<(&'static str, String)> {
    let form = between(form, "name=\"form\" value=\"", "\"").to_owned();
    vec![
        ("form", form),
        ("name", NAME.to_owned()),
        ("phone", phone.to_owned()),
        ("address", ADDRESS.to_owned()),
        ("coupons", coupons.to_owned()),
    ]
}

pub fn order(visitor: &mut Visitor<'_>, fields: &[(&'static str, String)]) -> Got {
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
    visitor.post("/shop/checkout", &pairs)
}

fn orders(served: &Served) -> usize {
    let listed = served.get("/v1/market-orders?limit=100").is(200).json();
    listed["items"].as_array().unwrap().len()
}

#[test]
fn a_visitor_finds_an_offer_and_orders_it_once() {
    let (served, _) = shop();
    let mut anna = visitor(&served, "en");
    let list = anna.get("/shop").is(200);
    let policy = list.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !list.body.contains("<script"), "{policy}");
    assert!(list.body.contains("Clay &#60;b&#62;pot") && !list.body.contains("<b>pot"));
    // Titles are found in both languages and scripts; words stand in any order.
    for (search, count) in [
        ("OOLONG", 1),
        ("乌龙", 1),
        ("烏龍", 1),
        ("tea%20高山", 1),
        ("壶", 1),
        ("coffee", 0),
        ("%25", 0),
    ] {
        let found = anna.get(&format!("/shop?q={search}")).is(200).body;
        assert_eq!(found.matches("class=\"ware\"").count(), count, "{search}: {found}");
    }
    let tea = anna.get("/shop?category=cat_1").is(200).body;
    assert!(tea.contains("Oolong") && !tea.contains("Clay") && tea.contains(">Tea</a>"), "{tea}");
    assert!(tea.contains("spend 200.00, save 30.00 CNY"), "{tea}");
    for wrong in ["page=0", "page=x", "category=tea", "colour=red"] {
        let got = anna.get(&format!("/shop?{wrong}"));
        assert!([400, 404].contains(&got.status), "{wrong}: {got:?}");
    }

    add(&mut anna, "Oolong", "2").is(303);
    let cart = anna.get("/shop/cart").is(200).body;
    // 2 × 120.00 less 30.00: which unit, and how much.
    assert!(cart.contains("210.00 <span class=\"unit\">CNY"), "{cart}");
    assert!(cart.contains("Oolong tea one: 2 units, −30.00 CNY"), "{cart}");
    // One unit does not reach it, and the page says what is missing.
    let variant = between(&cart, "name=\"quantity.", "\"").to_owned();
    let quantity = format!("quantity.{variant}");
    anna.post("/shop/cart", &[(&quantity, "1"), ("act", "update")]).is(303);
    let cart = anna.get("/shop/cart").is(200).body;
    assert!(cart.contains("80.00 CNY more must be spent"), "{cart}");
    anna.language = "zh";
    assert!(anna.get("/shop/cart").body.contains("还差 80.00 CNY"));
    anna.language = "en";
    anna.post("/shop/cart", &[(&quantity, "2"), ("act", "update")]).is(303);
    anna.post("/shop/cart", &[("coupons", "no-such")]).is(303);
    assert!(anna.get("/shop/cart").body.contains("The code NO-SUCH does not work here"));
    anna.post("/shop/cart", &[("coupons", "tea10")]).is(303);

    let form = anna.get("/shop/checkout").is(200).body;
    assert!(form.contains("Order for 200.00 CNY"), "{form}");
    // What is missing is said at its field, and what was typed stays.
    let mut wrong = filled(&form, "12", "TEA10");
    wrong[1].1.clear();
    let again = order(&mut anna, &wrong).is(422).body;
    for text in ["name-error", "phone-error", ADDRESS] {
        assert!(again.contains(text), "{text}: {again}");
    }
    let fields = filled(&again, "+86 138 0013 8000", "TEA10");
    // Ten at once, and again later: one order, and each of them sees it.
    let cookies = anna.cart.clone();
    let places: Vec<String> = std::thread::scope(|scope| {
        let one = || {
            let mut browser = Visitor { served: &served, cart: cookies.clone(), language: "en" };
            let got = order(&mut browser, &fields).is(303);
            got.header("location").unwrap().to_owned()
        };
        let all: Vec<_> = (0..10).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    let last = order(&mut anna, &fields).is(303);
    assert_eq!(last.header("location"), Some(&*places[0]));
    assert!(anna.get("/shop/cart").body.contains("The cart is empty"));
    eventually("the order is in the views", || orders(&served) == 1);

    let page = anna.get(&places[0]).is(200).body;
    assert!(page.contains("200.00 CNY") && page.contains("tea-shop"), "{page}");
    let forged = format!("{}0", &places[0][..places[0].len() - 1]);
    let forged =
        if forged == places[0] { format!("{}1", &forged[..forged.len() - 1]) } else { forged };
    anna.get(&forged).is(404);
    // The link is a page for people and JSON for programs.
    let link = between(&page, "href=\"/v1/tracking/", "\"");
    let link = format!("/v1/tracking/{link}");
    let tracked = anna.get(&link).is(200);
    assert!(tracked.body.contains("高山乌龙茶") && tracked.body.contains("Due at the door"));
    let cookie = ["Cookie: a=b"];
    let json = served.send("GET", &link, &cookie, b"").is(200).json();
    assert_eq!((&json["due"], &json["seller"]), (&json!(20_000), &json!("tea-shop")), "{json}");
    let lost = format!("{}0", &link[..link.len() - 1]);
    assert!(anna.get(&lost).status == 404 || lost == link);
    // Who buys is nowhere in the clear: neither in an address, nor in a file.
    for place in [&places[0], &link] {
        assert!(!place.contains("138") || !place.contains("0013"), "{place}");
    }
    let Served { bed, engine, .. } = served;
    engine.stop();
    let secrets = [NAME, ADDRESS, "13800138000", "138 0013 8000", "TEA10"];
    assert_in_no_file(&bed.path("door"), &secrets);
    bed.verified("door/books");
}

#[test]
fn what_changes_before_an_order_is_asked_again_and_nothing_wrong_is_taken() {
    let (served, _) = shop();
    let mut bo = visitor(&served, "en");
    add(&mut bo, "Oolong", "1").is(303);
    let form = bo.get("/shop/checkout").is(200).body;
    // The price rises while the buyer types.
    let price = json!({ "variant": "tea-shop/tea/one", "price": 13_000 });
    carried_out(served.give("set-price", "p-2", &price));
    let changed = order(&mut bo, &filled(&form, "13900139000", "")).is(409).body;
    assert!(changed.contains("The total was 120.00 CNY and is now 130.00 CNY"), "{changed}");
    assert_eq!(orders(&served), 0);
    // Another code is another total.
    let changed = order(&mut bo, &filled(&changed, "13900139000", "tea10")).is(409).body;
    assert!(changed.contains("With these codes the total is 120.00 CNY"), "{changed}");
    // Others take the stock meanwhile.
    let taken = json!({ "variant": "tea-shop/tea/one", "quantity": 10, "reason": "Withdrawn" });
    carried_out(served.give("adjust-stock", "k-2", &taken));
    let refused = order(&mut bo, &filled(&changed, "13900139000", "TEA10")).is(409).body;
    assert!(refused.contains("0 units left"), "{refused}");
    let cart = bo.get("/shop/cart").is(200).body;
    assert!(cart.contains("0 units left") && !cart.contains("Go to checkout"), "{cart}");
    // The seller pauses it: its page says so, and it is not in the order.
    set_state(&served, "tea-shop", "tea", "Paused");
    let list = bo.get("/shop").body;
    let id = served.get("/v1/offers?reference=tea").is(200).json();
    let id = id["items"][0]["offer"].as_str().unwrap().to_owned();
    let gone = bo.get(&format!("/shop/offers/{id}")).is(410).body;
    assert!(gone.contains("not sold now") && !list.contains("Oolong"), "{list}");
    assert!(bo.get("/shop/cart").body.contains("Not sold any more"));
    bo.get("/shop/offers/off_1").is(404);

    // Quantities that no order has.
    for wrong in ["0", "-1", "1001", "9223372036854775808", "99999999999999999999999", "x", ""] {
        let got = add(&mut bo, "Clay", wrong).is(422).body;
        assert!(got.contains("whole number from 1 to 1000"), "{wrong}: {got}");
    }
    add(&mut bo, "Clay", "５").is(303);
    let cart = bo.cart.clone();
    // Ten thousand lines: none of them is in the cart, and nothing breaks.
    let many: Vec<(String, String)> =
        (0..10_000).map(|n| (format!("quantity.var_{n}"), "1".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, one)| (&**name, &**one)).collect();
    bo.post("/shop/cart", &many).is(303);
    let page = bo.get("/shop/cart").is(200).body;
    assert_eq!(page.matches("name=\"quantity.").count(), 2, "{page}");
    // A cart that is not as we signed it is empty, and says so.
    for broken in
        [format!("{}0", &cart[..cart.len() - 1]), format!("{cart}0"), cart.replace('.', "")]
    {
        let mut eve = Visitor { served: &served, cart: broken.clone(), language: "en" };
        if broken != cart {
            let page = eve.get("/shop/cart").is(200).body;
            assert!(page.contains("could not be read") && page.contains("cart is empty"));
            assert!(!eve.get("/shop/cart").body.contains("could not be read"));
        }
    }
    // A form of another browser, or one that was changed.
    let form = bo.get("/shop/checkout").is(200).body;
    let fields = filled(&form, "13900139000", "TEA10");
    let mut eve = visitor(&served, "en");
    eve.get("/shop/cart");
    order(&mut eve, &fields).is(403);
    let mut forged = fields.clone();
    forged[0].1.insert(3, 'A');
    order(&mut bo, &forged).is(403);
    let headers = [&*bo.cookies(), FORM, "Origin: https://evil.example"];
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
    let body = encoded(&pairs);
    served.send("POST", "/shop/checkout", &headers, body.as_bytes()).problem(403, "cross-site");
    assert_eq!(orders(&served), 0);
    // What is left of the form is still good.
    order(&mut bo, &fields).is(303);
    eventually("the order is in the views", || orders(&served) == 1);
}

#[test]
fn pictures_are_checked_written_anew_and_served_for_ever() {
    let (served, picture) = shop();
    let jpeg = jpeg();
    send_picture(&served, "text/html", &jpeg).problem(415, "unsupported-media-type");
    send_picture(&served, "image/svg+xml", b"<svg/>").problem(415, "unsupported-media-type");
    send_picture(&served, "image/png", b"<svg/>").problem(415, "unsupported-media-type");
    send_picture(&served, "image/jpeg", b"").problem(415, "unsupported-media-type");
    let cut = &jpeg[..jpeg.len() / 2];
    let problem = send_picture(&served, "image/jpeg", cut).problem(422, "bad-value");
    assert!(problem["detail"].as_str().unwrap().contains("save it anew"), "{problem}");
    let large = vec![0; (8 << 20) + 1];
    send_picture(&served, "image/jpeg", &large).problem(413, "body-too-large");
    let bomb = png(60_000, 60_000);
    let zh = ["Content-Type: image/png", "Accept-Language: zh"];
    let problem = served.send("POST", "/v1/pictures", &zh, &bomb).problem(422, "bad-value");
    assert!(problem["detail"].as_str().unwrap().contains("像素"), "{problem}");
    // A picture that is a page, too: only its pixels are kept.
    let polyglot = [&jpeg[..], b"<html><script>alert(1)</script>\xff\xd9"].concat();
    let kept = send_picture(&served, "image/jpeg", &polyglot).is(200).json();
    assert_eq!(kept["picture"], json!(picture), "the same pixels are the same file");
    let other = Picture::drawn((64, 64), |_, _| [9, 9, 9]).large;
    let kept = send_picture(&served, "image/jpeg", &other).is(200).json();

    // A seller sends pictures and texts with its own key; a courier firm has no offers.
    let until = in_hours(24);
    let firm = served.get("/v1/firms?limit=1").is(200).json();
    let firm = format!("Firm={}", firm["items"][0]["reference"].as_str().unwrap());
    for (key, role, status) in [(8, "Seller=tea-shop", 200), (9, &*firm, 403)] {
        let flags = format!("{role} --key {key} --until {until} {ANN_WITH_BO}");
        issue(&served.bed, &flags);
        let bearer = format!("Authorization: Bearer {}", secret(&served.bed, key));
        let headers = [&*bearer, "Content-Type: image/jpeg"];
        served.send("POST", "/v1/pictures", &headers, &jpeg).is(status);
        let headers = [&*bearer, "Content-Type: application/json"];
        served.send("POST", "/v1/offer-texts", &headers, br#"{"title":"tea"}"#).is(status);
    }
    let nobody = ["Cookie: a=b", "Content-Type: image/jpeg"];
    served.send("POST", "/v1/pictures", &nobody, &jpeg).problem(401, "not-signed-in");
    let nobody = ["Cookie: a=b", "Content-Type: application/json"];
    served.send("POST", "/v1/offer-texts", &nobody, b"{}").problem(401, "not-signed-in");
    for (text, status, name) in [
        (json!({ "title": "" }), 422, "bad-value"),
        (json!({ "title": "x", "colour": "red" }), 422, "bad-value"),
        (json!({ "title": "x", "pictures": ["ab".repeat(32)] }), 409, "does-not-fit"),
        (json!({ "title": "x", "pictures": vec![&picture; 13] }), 422, "bad-value"),
        (json!({ "title": "x", "language": "<b>" }), 422, "bad-value"),
    ] {
        send_text(&served, &text).problem(status, name);
    }

    let get = |name: &str| {
        let mut curl = served.bed.command("curl");
        let url = format!("http://{}/pictures/{name}", served.address);
        let file = served.bed.path("picture.jpg");
        let output = curl.args(["-sS", "-D", "-", "-o"]).arg(&file).arg(url).output().unwrap();
        let head = String::from_utf8(output.stdout).unwrap().to_ascii_lowercase();
        (head, std::fs::read(&file).unwrap_or_default())
    };
    for name in [format!("{picture}.jpg"), format!("{picture}-small.jpg")] {
        let (head, bytes) = get(&name);
        for line in [
            "http/1.1 200",
            "content-type: image/jpeg",
            "x-content-type-options: nosniff",
            "cache-control: public, max-age=31536000, immutable",
            "content-security-policy: default-src 'none'",
        ] {
            assert!(head.contains(line), "{line}: {head}");
        }
        assert!(bytes.starts_with(b"\xff\xd8\xff") && bytes.len() < 100_000);
    }
    // What no listed offer has, nobody sees but who may write offers.
    let kept = kept["picture"].as_str().unwrap();
    for name in [format!("{kept}.jpg"), format!("{picture}.html"), "x.jpg".to_owned()] {
        assert!(get(&name).0.contains("http/1.1 404"), "{name}");
    }
    set_state(&served, "tea-shop", "tea", "Paused");
    eventually("the picture is gone with its offer", || {
        visitor(&served, "en").get("/shop");
        get(&format!("{picture}.jpg")).0.contains("http/1.1 404")
    });
}

/// A whole PNG that says it has so many pixels, and has one row of them.
fn png(width: u32, height: u32) -> Vec<u8> {
    let crc = |bytes: &[u8]| {
        let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
        !bytes.iter().fold(u32::MAX, byte)
    };
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8], content: &[u8]| {
        let of = [kind, content].concat();
        png.write_all(&u32::try_from(content.len()).unwrap().to_be_bytes()).unwrap();
        png.write_all(&of).unwrap();
        png.write_all(&crc(&of).to_be_bytes()).unwrap();
    };
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(b"IHDR", &[&size[..], &[8, 2, 0, 0, 0]].concat());
    chunk(b"IDAT", &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]);
    chunk(b"IEND", b"");
    png
}

#[test]
fn without_the_setting_there_is_no_shop_window() {
    let served = served_with(VIEWS, |_| {});
    for path in ["/shop", "/shop/cart", "/shop/checkout"] {
        served.get(path).problem(404, "no-such-path");
    }
}
