//! Words, hosts, URLs, anchors and keywords that look like the web's: long tails, several scripts, punycode.

use super::seeded::{Seeded, base36};

const WORDS: &[&str] = &[
    "silver",
    "garden",
    "river",
    "market",
    "shoes",
    "coffee",
    "travel",
    "cloud",
    "paper",
    "running",
    "winter",
    "solar",
    "kitchen",
    "music",
    "bicycle",
    "design",
    "health",
    "forest",
    "camera",
    "planet",
    "studio",
    "bridge",
    "honey",
    "marble",
    "rocket",
    "window",
    "island",
    "violet",
    "copper",
    "meadow",
    "lantern",
    "harbour",
    "café",
    "straße",
    "niño",
    "čaj",
    "łódź",
    "привет",
    "東京",
    "서울",
];
const PLAIN_WORDS: usize = 32;
const TLDS: &[&str] = &[
    "com", "com", "com", "org", "net", "de", "co.uk", "io", "fr", "jp", "com.br", "gov", "edu",
];
const SUBDOMAINS: &[&str] = &[
    "",
    "",
    "",
    "www.",
    "www.",
    "blog.",
    "shop.",
    "xn--caf-dma.",
    "m.",
];
const ANCHORS: &[&str] = &[
    "",
    "click here",
    "website",
    "Read More",
    "here",
    "Visit site",
    "source",
    "Learn more »",
    "más información",
    "подробнее",
    "詳しくはこちら",
    "\"quoted\" anchor",
    "back\\slash",
    "👍 great",
    "Straße & Söhne",
    "HOME",
    "home",
];

fn plain_word(seeded: Seeded) -> &'static str {
    seeded
        .pick(WORDS.get(..PLAIN_WORDS).unwrap_or(WORDS))
        .unwrap_or("word")
}

/// Some words, of any script.
pub(crate) fn words(seeded: Seeded, count: u32) -> String {
    let mut text = String::new();
    for position in 0..count {
        if position > 0 {
            text.push(' ');
        }
        text.push_str(seeded.item(position).pick(WORDS).unwrap_or("word"));
    }
    text
}

/// The registrable name of the site with this number; no two numbers share one.
pub(crate) fn root_name(seeded: Seeded, number: u32) -> String {
    let seeded = seeded.item(number);
    let tld = seeded.numbered(3).pick(TLDS).unwrap_or("com");
    format!(
        "{}{}{}.{tld}",
        plain_word(seeded.numbered(1)),
        plain_word(seeded.numbered(2)),
        base36(number)
    )
}

/// The part before a registrable name, with its dot, or nothing.
pub(crate) fn subdomain(seeded: Seeded) -> &'static str {
    seeded.pick(SUBDOMAINS).unwrap_or("")
}

/// The path of a page; no two numbers share one. Some have upper case, some other scripts, raw or percent-encoded.
pub(crate) fn path(seeded: Seeded, number: u32) -> String {
    let id = base36(number);
    match seeded.numbered(1).below(12) {
        0 => format!("/Blog/{}-{id}", plain_word(seeded.numbered(2))),
        1 => format!("/{}/{id}", words(seeded.numbered(2), 2).replace(' ', "-")),
        2 => format!("/caf%C3%A9/{id}"),
        3 => format!("/index.php?id={id}&lang={}", language(seeded.numbered(2))),
        4 => format!(
            "/{}/{}/{id}/",
            plain_word(seeded.numbered(2)),
            plain_word(seeded.numbered(3))
        ),
        _ => format!(
            "/{}-{}-{id}",
            plain_word(seeded.numbered(2)),
            plain_word(seeded.numbered(3))
        ),
    }
}

/// An anchor of a link to `host`: mostly one of a few, now and then a rare one.
pub(crate) fn anchor(seeded: Seeded, host: &str) -> String {
    match seeded.numbered(1).below(10) {
        0..3 => host.to_owned(),
        3..7 => {
            let rank = seeded
                .numbered(2)
                .skewed(u32::try_from(ANCHORS.len()).unwrap_or(1));
            common_anchor(rank).unwrap_or("").to_owned()
        }
        7 => format!("https://{host}/"),
        _ => words(seeded.numbered(3), 2 + seeded.numbered(4).below(4)),
    }
}

/// One of the few anchors that most links have.
fn common_anchor(rank: u32) -> Option<&'static str> {
    let rank = usize::try_from(rank).ok()?;
    ANCHORS.get(rank).copied()
}

/// Whether the anchor of this number is one of those that most sites have.
pub(crate) fn is_common_anchor(number: u32) -> bool {
    usize::try_from(number).is_ok_and(|rank| rank < ANCHORS.len())
}

/// An anchor or keyword that no other number has.
pub(crate) fn unique_phrase(seeded: Seeded, number: u32) -> String {
    if let Some(anchor) = common_anchor(number) {
        return anchor.to_owned();
    }
    format!(
        "{} {}",
        words(seeded.item(number), 1 + seeded.item(number).below(4)),
        base36(number)
    )
}

/// A keyword that no other number has; never empty.
pub(crate) fn keyword(seeded: Seeded, number: u32) -> String {
    let seeded = seeded.item(number);
    format!(
        "{} {}",
        words(seeded, 1 + seeded.below(5)).to_lowercase(),
        base36(number)
    )
}

/// A language code, mostly English.
pub(crate) fn language(seeded: Seeded) -> &'static str {
    seeded
        .pick(&["en", "en", "en", "de", "fr", "es", "ja", "pt", "ru"])
        .unwrap_or("en")
}

/// A country code, mostly a large market.
pub(crate) fn country(seeded: Seeded) -> &'static str {
    seeded
        .pick(&[
            "US", "US", "US", "GB", "DE", "FR", "JP", "BR", "IN", "OTHER",
        ])
        .unwrap_or("US")
}

/// An IPv4 address.
pub(crate) fn address(seeded: Seeded) -> String {
    let [a, b, c, d] = [1, 2, 3, 4].map(|number| seeded.numbered(number).below(254) + 1);
    format!("{a}.{b}.{c}.{d}")
}
