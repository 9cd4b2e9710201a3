"""What is personal or secret leaves as a placeholder; order numbers, amounts and dates leave as they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harkara.assistant.privacy import TalkFilter, redact, redact_talk
from harkara.assistant.talk import Said, Speaker, Talk

NOW = datetime(2026, 1, 12, tzinfo=UTC)

REDACTED = {
    "my card is 4111 1111 1111 1111": "my card is [card-1]",
    "card 4111-1111-1111-1111 12/28 123": "card [card-1] [expiry-1] [code-1]",
    "amex 3782 822463 10005 exp 09/2027, cvv 1234": "amex [card-1] exp [expiry-1], cvv [code-1]",
    "4111111111111111": "[card-1]",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1": "[card-1]",
    "4111 . 1111 . 1111 . 1111": "[card-1]",
    "कार्ड ४१११ ११११ ११११ ११११ है": "कार्ड [card-1] है",
    "\uff14\uff11\uff11\uff11 1111 1111 1111": "[card-1]",  # full width
    "4lll 1111 IIII 1111": "[card-1]",
    "4O12 8888 8888 1881": "[card-1]",
    "4111\u200b1111\u200d1111\ufeff1111": "[card-1]",
    "4\ufe0f\u20e3111 1111 1111 1111": "[card-1]",  # a keycap
    "4\u0336111 1111 1111 1111": "[card-1]",  # struck through
    "card no 4111 1111 1111 1112": "card no [card-1]",  # with a typing error
    "Order 4012888888881881": "Order [card-1]",  # it resembles a card
    "RuPay 6521 1111 1111 1117 se payment fail": "RuPay [card-1] se payment fail",
    "aadhaar 2345 6789 0124": "aadhaar [aadhaar-1]",
    "mera adhar 234567890124 hai": "mera adhar [aadhaar-1] hai",
    "आधार २३४५ ६७८९ ०१२४": "आधार [aadhaar-1]",
    "234567890124": "[aadhaar-1]",
    "aadhar 2345 6789 0123": "aadhar [aadhaar-1]",  # with a typing error
    "PAN ABCPE1234F": "PAN [pan-1]",
    "pan no. abcpe 1234 f hai": "pan no. [pan-1] hai",
    "\u0410BCPE1234F": "[pan-1]",  # a Cyrillic A
    "GST 27ABCPE1234F1Z5 ka bill": "GST [gstin-1] ka bill",
    "refund to asha@okhdfcbank": "refund to [upi-1]",
    "upi id 9812345678@ybl": "upi id [upi-1]",
    "asha.v @ paytm": "[upi-1]",
    "mail asha.verma+shop@gmail.co.in": "mail [email-1]",
    "asha at gmail dot com": "[email-1]",
    "asha(at)gmail(dot)com pe bhejo": "[email-1] pe bhejo",
    "HDFC0001234 a/c 50100123456789": "[ifsc-1] a/c [account-1]",
    "khata number 123456789012 hai": "khata number [account-1] hai",
    "123456789012 mera account no": "[account-1] mera account no",
    "otp is 482913": "otp is [code-1]",
    "OTP: 4829": "OTP: [code-1]",
    "482913 ye otp aaya hai": "[code-1] ye otp aaya hai",
    "mera otp 4829 hai": "mera otp [code-1] hai",
    "ओटीपी 482913 है": "ओटीपी [code-1] है",
    "४८२९१३ मेरा ओटीपी है": "[code-1] मेरा ओटीपी है",
    "otp 482 913": "otp [code-1]",
    "the otp I just got on my phone is 482913": "the otp I just got on my phone is [code-1]",
    "cvv 123": "cvv [code-1]",
    "upi pin 4321 dala": "upi pin [code-1] dala",
    "मेरा पिन 4321 है": "मेरा पिन [code-1] है",
    "pin 560001": "pin [code-1]",
    "password Tulip@123 hai": "password [password-1] hai",
    "my password is qwertyui": "my password is [password-1]",
    "pwd: tulip99": "pwd: [password-1]",
    "tulip99 mera password hai": "[password-1] mera password hai",
    "qwertyui is my password": "[password-1] is my password",
    "मेरा पासवर्ड कमल@१२३ है": "मेरा पासवर्ड [password-1] है",
    'password "correct horse battery"': 'password "[password-1]"',
    "pasword 123456": "pasword [code-1]",
    "pass: Tulip@99": "pass: [password-1]",
    "mujhe 482913 mila hai otp me": "mujhe [code-1] mila hai otp me",
    "Your OTP for order 4512 is 482913. Do not share": "Your OTP for order 4512 is [code-1]. Do not share",
    "4111x1111x1111x1111": "[card-1]",
    "call +1 202 555 0123": "call [phone-1]",
    "+971 50 123 4567 pe call karo": "[phone-1] pe call karo",
    "98123 45678": "[phone-1]",
    "mere bhai ka number 9812345678": "mere bhai ka number [phone-1]",
    "९८१२३४५६७८": "[phone-1]",
    "98l23 4567B": "[phone-1]",
    "022 2345 6789": "[phone-1]",
    "1800 123 4567 par koi nahi uthata": "[phone-1] par koi nahi uthata",
    "phone 202 555 0123": "phone [phone-1]",
    "passport A1234567": "passport [passport-1]",
    "mera passport no A 12 34567 hai": "mera passport no [passport-1] hai",
    "voter id ABC1234567": "voter id [voter-id-1]",
    "DL MH12 20110012345": "DL [license-1]",
    "driving licence KA0519990001234": "driving licence [license-1]",
    "dob 12/01/1990": "dob [birth-date-1]",
    "date of birth: 12 Jan 1990": "date of birth: [birth-date-1]",
    "meri janm tithi 12 Jan 1990 hai": "meri janm tithi [birth-date-1] hai",
    "जन्मतिथि १२/०१/१९९० है": "जन्मतिथि [birth-date-1] है",
    "12-01-1990 is my dob": "[birth-date-1] is my dob",
    "I am Asha": "I am [name-1]",
    "asha verma from Pune": "[name-1] from Pune",
    "my number 9876543210": "my number [own-number-1]",
    "my number is nine eight double one two three four five six seven": "my number is [phone-1]",
    "nau aath ek do teen char panch chhe saat aath pe call karo": "[phone-1] pe call karo",
    "मेरा नंबर नौ आठ एक दो तीन चार पाँच छह सात आठ है": "मेरा नंबर [phone-1] है",
    "ninety eight twelve thirty four fifty six seventy eight": "[phone-1]",
    "98123 four five six seven eight": "[phone-1]",
    "nine eight seven six five four three two one zero is mine": "[own-number-1] is mine",
    "card four one one one one one one one one one one one one one one one": "card [card-1]",
    "card 4111 then 1111 then 1111 then 1111": "card [card-1]",
    "4111 dash 1111 dash 1111 dash 1111": "[card-1]",
    "aadhaar two three four five six seven eight nine zero one two four": "aadhaar [aadhaar-1]",
    "otp is four eight two nine one three": "otp is [code-1]",
    "mera pin char teen do ek hai": "mera pin [code-1] hai",
    "98123.....45678": "[phone-1]",
    "A B C P E 1 2 3 4 F": "[pan-1]",
    "PAN: ABCPE - 1234 - F": "PAN: [pan-1]",
    "IFSC HDFC 000 1234": "IFSC [ifsc-1]",
    "asha at the rate gmail dot com": "[email-1]",
    "asha dot verma at gmail dot com": "[email-1]",
    "asha underscore 12 at yahoo dot co dot in": "[email-1]",
    "asha.v at gmail.com": "[email-1]",
    "asha at the rate okicici": "[upi-1]",
    "9812345678 at ybl": "[upi-1]",
    "GST 2 7 A B C P E 1 2 3 4 F 1 Z 5 hai": "GST [gstin-1] hai",
    "gstin two seven A B C P E one two three four F one Z five": "gstin [gstin-1]",
    "gst no twenty seven ABCPE twelve thirty four F one zed five ka bill": "gst no [gstin-1] ka bill",
    "GST दो सात A B C P E एक दो तीन चार F एक Z पाँच": "GST [gstin-1]",
    "pan ABCPE one two three four F": "pan [pan-1]",
    "PAN ABCPE 1 2 3 4 F hai": "PAN [pan-1] hai",
    "ifsc HDFC zero double zero one two three four": "ifsc [ifsc-1]",
    "H D F C zero zero zero one two three four is the ifsc": "[ifsc-1] is the ifsc",
    "ifsc hdfc shunya shunya ek do teen char paanch": "ifsc [ifsc-1]",
    "hdfc o o o 1234": "[ifsc-1]",
    "S B I N 0 0 0 A 1 2 3": "[ifsc-1]",
    "card ④①①① ①①①① ①①①① ①①①①": "card [card-1]",
    "card ❹❶❶❶ ❶❶❶❶ ➀➀➀➀ ⓵⓵⓵⓵": "card [card-1]",
    "⑷⑴⑴⑴⑴⑴⑴⑴⑴⑴⑴⑴⑴⑴⑴⑴": "[card-1]",
    "𝟗𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖": "[phone-1]",
    "９８１２３４５６７８": "[phone-1]",
    "⁹⁸¹²³⁴⁵⁶⁷⁸": "[phone-1]",
    "௯௮௧௨௩ ௪௫௬௭௮": "[phone-1]",  # Tamil
    "otp ৪৮২৯১৩": "otp [code-1]",  # Bengali
    "otp 四八二九一三": "otp [code-1]",
    "otp ❹❽❷❾": "otp [code-1]",
    "my name is Rahul Sharma and my order is late": "my name is [name-1] and my order is late",
    "mera naam Sunita Devi hai": "mera naam [name-1] hai",
    "मेरा नाम सुनीता देवी है": "मेरा नाम [name-1] है",
    "patient name: Ramesh Kumar, age 40": "patient name: [name-1], age 40",
    "myself rahul from pune": "myself [name-1] from pune",
    "+91 98765-43210 is mine": "[own-number-1] is mine",
}

KEPT = (
    "Order 12345 kab aayega?",
    "order no 9812345678 ka status",
    "order A1234567",
    "#4512 and #4513",
    "ORD1234567 where is it",
    "AWB 14345678901234",
    "booking id 98765432101",
    "UTR 412345678901",
    "₹1,499 paid",
    "Rs. 1,00,000 ka loan",
    "699/799/1499 me kya fark hai",
    "699, 799, 1499 wala plan",
    "₹699 ₹799 ₹1499",
    "499.00 + 1200.50 = 1699.50",
    "12/01/2026 se 15/01/2026 tak",
    "12-01-2026 13-01-2026 14-01-2026",
    "10:30, 11:30, 12:30, 1:30",
    "10:30-11:30 or 17:00-18:00",
    "2026-01-12 10:30",
    "12 Jan 2026 at 5:30 PM",
    "१२ जनवरी २०२६ को ५ बजे",
    "birthday cake for 12 Jan 2026",
    "pin code 560001",
    "pincode 400 050 me delivery?",
    "पिन कोड 560001",
    "coupon code SAVE10",
    "promo code 2026 not working",
    "error code 500",
    "order 4512 ka otp nahi aaya",
    "otp nahi mila, 1499 rs kat gaye",
    "otp valid for 10 minutes?",
    "OTP nahi aa raha",
    "forgot password",
    "password bhool gaya",
    "password reset kaise kare",
    "password is not working",
    "what is my password",
    "ye mera password nahi hai",
    "5@100 dega kya",
    "2 kg @ 499",
    "size 8 10 12",
    "20% off on 2 items",
    "call me at 5 pm",
    "room 101 booked for 2 nights",
    "GST kitna lagega 18%?",
    "4.5 star rating",
    "covid19 test",
    "ICU bed 24x7",
    "I want passport photo prints",
    "Good morning 🙏",
    "what is your name",
    "my name is wrong on the bill",
    "mera naam galat likha hai",
    "company name is Lotus",
    "loan at the rate of 12 percent",
    "at the rate of interest. please say",
    "one two three testing",
    "two thousand five hundred rupees",
    "two shirts for three kids and four saris",
    "ek do teen din me aayega",
    "order nine eight one two",
    "order id 4 5 1 2 3 4 5 6 7 8",
    "can i pay at paytm",
    "meet me at axisbank branch",
    "plan one costs two hundred, plan B five hundred",
    "total one two zero zero a month",
    "one A and two B, section 4 F",
    "only zero refund for my order",
    "flat no two B, block one A",
    "room for two with one bed",
    "Step ① choose, ② pay, ③ done",
    "½ kg and 2² = 4",
    "part Ⅳ",
    "ek kilo aloo, do kilo pyaaz",
    "500 and 1000 and 2000 rupees",
    "👍",
    "[card-1]",
    "",
)


def hidden(*said: str) -> tuple[str, ...]:
    return redact(said, number="919876543210", name="Asha Verma").texts


@pytest.mark.parametrize(("said", "sent"), REDACTED.items())
def test_what_is_personal_becomes_a_placeholder(said: str, sent: str) -> None:
    redaction = redact([said], number="919876543210", name="Asha Verma")
    assert redaction.text == sent
    assert redaction.restore(sent) == said


@pytest.mark.parametrize("said", KEPT)
def test_orders_amounts_dates_and_times_stay_as_they_are(said: str) -> None:
    assert hidden(said) == (said,)


def test_a_number_that_is_split_over_a_burst_is_found() -> None:
    assert hidden("my card 4111 1111", "1111 1111 ok") == ("my card [card-1]", "[card-2] ok")
    assert hidden("otp", "482913") == ("otp", "[code-1]")
    assert hidden("98123", "45678") == ("[phone-1]", "[phone-2]")
    assert redact(["my card 4111 1111", "1111 1111 ok"]).counts == {"card": 1}


def test_a_code_that_answers_our_question_is_found() -> None:
    assert redact_talk(talk(("assistant", "Please enter the OTP"), ("customer", "482913"))).texts[1] == "[code-1]"


@pytest.mark.parametrize("next_message", ["%", "rs 500 refund karo", "min ruko", "am I late"])
def test_a_unit_in_the_next_message_makes_a_secret_no_amount(next_message: str) -> None:
    said = ["password is Tulip@123", "otp 482913", "pass: 482914"]
    assert [hidden(one, next_message)[0] for one in said] == [
        "password is [password-1]",
        "otp [code-1]",
        "pass: [code-1]",
    ]
    assert hidden("my password is Tulip@123%") == ("my password is [password-1]",)
    assert hidden(f"pay otp {next_message}", "Rs", "482913 is the otp")[2] == "[code-1] is the otp"


def test_the_numbers_of_two_speakers_are_not_one() -> None:
    texts = ("Total 4111 1111", "1111 1111")
    assert redact_talk(talk(("application", texts[0]), ("customer", texts[1]))).texts == texts


def test_the_same_value_has_the_same_placeholder() -> None:
    assert hidden("4111 1111 1111 1111", "it is 4111-1111-1111-1111, not 4012888888881881") == (
        "[card-1]",
        "it is [card-1], not [card-2]",
    )
    assert hidden("98123 45678 or +919812345678") == ("[phone-1] or [phone-1]",)


def test_only_what_the_customer_wrote_is_restored() -> None:
    redaction = redact_talk(talk(("application", "Driver: 9811122233"), ("customer", "call 9812345678")))
    answer = "We call [phone-2], not [phone-1] or [card-1]."
    assert redaction.text == "Driver: [phone-1]\ncall [phone-2]"
    assert redaction.restore(answer) == "We call 9812345678, not [phone-1] or [card-1]."
    assert redaction.foreign(answer) == ("[phone-1]", "[card-1]")


def test_a_placeholder_that_the_customer_wrote_never_stands_for_a_value() -> None:
    redaction = redact(["repeat [card-1]: 4111111111111111"])
    assert redaction.text == "repeat [card-1]: [card-2]"
    assert redaction.restore(redaction.text) == "repeat [card-1]: 4111111111111111"


def test_results_of_lookups_do_not_change_the_placeholders_of_the_talk() -> None:
    asked = talk(("customer", "my card 4111111111111111"))
    more = redact_talk(asked, ["paid with 4012888888881881 by a@example.com"])
    assert more.texts == (*redact_talk(asked).texts, "paid with [card-2] by [email-1]")
    assert more.foreign("[card-1] [card-2]") == ("[card-2]",)


def test_lookups_one_after_another_have_placeholders_of_their_own() -> None:
    through = TalkFilter(talk(("customer", "my card 4111111111111111")))
    assert through(["paid by a@example.com"]) == ("paid by [email-1]",)
    assert through(["sent to b@example.com", "and a@example.com"]) == ("sent to [email-2]", "and [email-1]")
    assert through.redaction.restore("[card-1] [email-1]") == "4111111111111111 [email-1]"


def test_neither_values_nor_texts_are_in_the_representation_of_the_values() -> None:
    assert "4111" not in repr(redact(["4111111111111111"]))


def talk(*said: tuple[Speaker, str]) -> Talk:
    messages = tuple(Said(by=by, text=text, at=NOW) for by, text in said)
    return Talk(lane="default", person="p", number=None, name=None, revision=1, now=NOW, said=messages)
