//! Backlinks: pages on hosts with a long tail that link to pages of the target.
//!
//! A root domain links in a limited number of ways (anchor and page linked to); rows of one way are similar links.

use super::{Field, Row, Source};
use crate::sandbox::cell::Cell;
use crate::sandbox::hash::Dice;
use crate::sandbox::web;

/// Ways that one root domain links in, at most; keeps similar-link groups per root well under 100.
const WAYS: u32 = 40;
/// The same with the quirk `wide_groups`.
const MANY_WAYS: u32 = 400;

impl Source {
    pub(super) fn link_cell(&self, number: u32, row: Row, dice: Dice, field: &Field) -> Cell {
        let name = field.name.as_str();
        let root = dice.of("root").skewed((self.rows / 6).max(1));
        let root_dice = self.dice.of("root").at(u64::from(root));
        let ways = if self.wide_groups {
            MANY_WAYS
        } else {
            1 + root_dice.of("ways").below(WAYS)
        };
        let way = root_dice.at(u64::from(dice.of("way").below(ways)));
        let subdomain = web::subdomain(root_dice.at(u64::from(dice.of("subdomain").below(3))));
        let dofollow = !way.of("nofollow").once_in(4);
        let link_type = match way.of("type").below(12) {
            0 => "image",
            1 => "redirect",
            2 => "canonical",
            3 => "frame",
            _ => "text",
        };
        let source_host = || format!("{subdomain}{}", web::root_name(self.dice, root));
        let source_plain = || {
            let path = if number.is_multiple_of(97) {
                "/".to_owned()
            } else {
                web::path(dice.of("path"), number)
            };
            format!("{}{path}", source_host())
        };
        let target_plain = || match way.of("page").skewed(40) {
            0 => format!("{}/", self.host),
            page => format!(
                "{}{}",
                self.host,
                web::path(self.dice.of("page").at(u64::from(page)), page)
            ),
        };
        match name {
            "root_name_source" => Cell::text(web::root_name(self.dice, root)),
            "name_source" => Cell::text(source_host()),
            "url_from_plain" => Cell::text(source_plain()),
            "url_from" => Cell::text(format!("https://{}", source_plain())),
            "is_root_source" => Cell::Bool(subdomain.is_empty()),
            "root_name_target" | "name_target" => Cell::text(self.host.as_str()),
            "is_root_target" => Cell::Bool(true),
            "url_to_plain" => Cell::text(target_plain()),
            "url_to" => Cell::text(format!("https://{}", target_plain())),
            "is_homepage_link" => Cell::Bool(way.of("page").skewed(40) == 0),
            "anchor" => Cell::text(web::anchor(way.of("anchor"), &self.host)),
            "is_dofollow" => Cell::Bool(dofollow),
            "is_nofollow" => Cell::Bool(!dofollow),
            "is_sponsored" | "is_ugc" => Cell::Bool(!dofollow && way.of(name).once_in(3)),
            "link_type" => Cell::text(link_type),
            "is_text" | "is_image" | "is_redirect" | "is_canonical" | "is_frame" | "is_form"
            | "is_rss" | "is_alternate" => Cell::Bool(name.strip_prefix("is_") == Some(link_type)),
            "link_group_count" => Cell::Int(1),
            "port_source" | "port_target" => Cell::Int(443),
            "tld_class_source" => Cell::text(tld_class(&web::root_name(self.dice, root))),
            "tld_class_target" => Cell::text(tld_class(&self.host)),
            "http_code" => Cell::Int(if dice.of("http").once_in(20) {
                301
            } else {
                200
            }),
            "http_code_target" if dice.of(name).once_in(30) => Cell::Null,
            "http_code_target" => Cell::Int(if dice.of("http_target").once_in(6) {
                410
            } else {
                404
            }),
            "first_seen" => {
                Cell::Time(self.first_seen(number, dice) - i64::from(dice.of(name).below(86_400)))
            }
            "domain_rating_source"
            | "refdomains_source_domain"
            | "traffic_domain"
            | "linked_domains_source_domain"
            | "positions_source_domain"
            | "class_c"
            | "ip_source" => self.column_cell(root, row, root_dice, field),
            "domain_rating_target"
            | "refdomains_target_domain"
            | "ahrefs_rank_target"
            | "linked_domains_target_domain" => {
                self.column_cell(0, row, self.dice.of("target"), field)
            }
            _ => self.column_cell(number, row, dice, field),
        }
    }
}

fn tld_class(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("gov") => "gov",
        Some("edu") => "edu",
        _ => "normal",
    }
}
