//! Numbers here are made up: the samples of the standards, of card networks' test cards, and 13800138000.

use proptest::prelude::*;

use super::{SensitiveKind::*, *};

#[test]
fn numbers_of_persons_are_found_however_they_are_written() {
    for (text, kind) in [
        // The sample of GB 11643-1999, and one whose check character is X.
        ("11010519491231002X", IdCard),
        ("身份证号11010519491231002x，请查收", IdCard),
        ("440524199001010018", IdCard),
        ("440524199001010018x", IdCard),
        ("11010519491231002X2022年", IdCard),
        ("１１０１０５１９４９１２３１００２Ｘ", IdCard),
        ("110105 1949 1231 002X", IdCard),
        ("110105-19491231-002X", IdCard),
        ("1101051949\u{200B}1231002X", IdCard),
        ("旧证 110105491231002", IdCard),
        ("旧证 110105 491231 002", IdCard),
        ("卡号4111111111111111", BankCard),
        ("4111 1111 1111 1111", BankCard),
        ("5500-0000-0000-0004", BankCard),
        ("6200000000000005", BankCard),
        ("6200 0000 0000 0000 000", BankCard),
        ("13800138000", Mobile),
        ("联系人电话:13800138000。", Mobile),
        ("tel13800138000", Mobile),
        ("138 0013 8000", Mobile),
        ("138-0013-8000", Mobile),
        ("138－0013－8000", Mobile),
        ("138 - 0013 - 8000", Mobile),
        ("+8613800138000", Mobile),
        ("+86 138 0013 8000", Mobile),
        ("(+86)138-00138000", Mobile),
        ("0086-13800138000", Mobile),
        ("008613800138000", Mobile),
        ("013800138000", Mobile),
        ("１３８００１３８０００", Mobile),
        ("2022年 共3人 19912345678", Mobile),
        ("1 13800138000", Mobile),
        ("13800138000 万某", Mobile),
    ] {
        assert_eq!(find_sensitive(text), Some(kind), "{text}");
        assert_eq!(find_sensitive(&mask(text)), None, "{}", mask(text));
    }
}

#[test]
fn what_is_no_number_of_a_person_passes() {
    for text in [
        "",
        "厦海委〔2022〕15号",
        "20221001",
        "2022-10-01 13:30—15:00",
        "20221001-20221231",
        "2022-10-01 2022-12-31 13 30",
        "0592-6581234",
        "0592 6581234 转 8001",
        "+86 592 6581234",
        "010-12345678",
        "400-123-4567",
        "12371",
        "经费 1,380,013,800 元",
        "投入13800138000元",
        "投入 13800138000.50 元",
        "￥ 13800138000",
        "￥13800138000",
        "4111111111111111.00元",
        // A wrong check character, no such day, no such province.
        "110105194912310021",
        "110105194913310022",
        "990105491231002",
        "110105491331002",
        // Luhn fails; no issuer's prefix; a part of a longer number.
        "4111111111111112",
        "1111111111111117",
        "41111111111111110000",
        "213800138000",
        "138001380001",
        "12800138000",
        // Codes of organizations (GB 32100) and of documents.
        "91350200155001234X",
        "12350205MB0001234Q",
        "HC-0101-2022-0001",
        "1978-2018 100",
        "372 102 28 10 412 161384",
    ] {
        assert_eq!(find_sensitive(text), None, "{text}");
        assert!(matches!(mask(text), Cow::Borrowed(same) if same == text));
    }
}

#[test]
fn a_mask_covers_the_digits_and_nothing_else() {
    assert_eq!(
        mask("张 138-0013-8000，卡 ４１１１ 1111 1111 1111；2022年"),
        "张 ***-****-****，卡 **** **** **** ****；2022年"
    );
    assert_eq!(mask("11010519491231002X。"), "******************。");
    assert_eq!(mask("13800138000x2"), "***********x2");
    assert_eq!(mask("+86 13800138000"), "+** ***********");
}

fn id_card() -> impl Strategy<Value = String> {
    (1930u32..2020, 1u32..=12, 1u32..=28, 0u32..1000).prop_map(|(year, month, day, serial)| {
        let body = format!("350205{year}{month:02}{day:02}{serial:03}");
        let digits: Vec<u8> = body.bytes().map(|b| b - b'0').collect();
        match check_character(&digits).unwrap() {
            10 => format!("{body}X"),
            check => format!("{body}{check}"),
        }
    })
}

fn bank_card() -> impl Strategy<Value = String> {
    "62[0-9]{13,16}".prop_map(|body| {
        (0..10)
            .map(|check| format!("{body}{check}"))
            .find(|card| luhn(&card.bytes().map(|b| b - b'0').collect::<Vec<_>>()))
            .unwrap()
    })
}

proptest! {
    #[test]
    fn a_number_is_found_inside_any_words(
        number in prop_oneof![id_card(), bank_card(), "1[3-9][0-9]{9}"],
        before in "[^\\p{N}\\p{S}]{0,20}",
        after in "[^.．﹒\\p{N}\\p{L}\\p{S}]{0,20}",
    ) {
        let text = format!("{before}{number}{after}");
        prop_assert!(find_sensitive(&text).is_some(), "{}", text);
        let masked = mask(&text);
        prop_assert_eq!(find_sensitive(&masked), None);
        prop_assert!(!masked.contains(&number));
        prop_assert!(masked.starts_with(&before) && masked.ends_with(&after));
    }

    #[test]
    fn nothing_is_left_after_masking(text in "[0-9０-９ xX+¥.元-]{0,80}") {
        let masked = mask(&text).into_owned();
        prop_assert_eq!(find_sensitive(&masked), None, "{}", masked);
        prop_assert_eq!(masked.chars().count(), text.chars().count());
    }

    #[test]
    fn any_text_at_all_is_read(text in any::<String>()) {
        let masked = mask(&text);
        prop_assert_eq!(find_sensitive(&text).is_none(), masked == text);
    }
}
