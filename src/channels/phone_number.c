// SPDX-License-Identifier: AGPL-3.0-or-later
// See phone_number.h. The table is ITU-T E.164's list of country codes with what is dialled before a number
// at home (the trunk prefix) and before one abroad. No number is judged beyond that: which ones a country has
// given out changes every month, and a call that took place needs no permission.
#include "channels/phone_number.h"
#include "base/buf.h"
#include "base/str.h"

struct country {
    const char *iso, *code;
    const char *trunk;  // before a number at home; "" none (a 0 in front is part of the number)
    const char *abroad; // before a number abroad
    unsigned digits;    // of a number without the trunk prefix, where that can look like one; 0: it cannot
};
static const struct country countries[] = {
    {"AD", "376", "", "00", 0},    {"AE", "971", "0", "00", 0},  {"AF", "93", "0", "00", 0},
    {"AG", "1", "1", "011", 10},   {"AI", "1", "1", "011", 10},  {"AL", "355", "0", "00", 0},
    {"AM", "374", "0", "00", 0},   {"AO", "244", "", "00", 0},   {"AR", "54", "0", "00", 0},
    {"AS", "1", "1", "011", 10},   {"AT", "43", "0", "00", 0},   {"AU", "61", "0", "0011", 0},
    {"AW", "297", "", "00", 0},    {"AX", "358", "0", "00", 0},  {"AZ", "994", "0", "00", 0},
    {"BA", "387", "0", "00", 0},   {"BB", "1", "1", "011", 10},  {"BD", "880", "0", "00", 0},
    {"BE", "32", "0", "00", 0},    {"BF", "226", "", "00", 0},   {"BG", "359", "0", "00", 0},
    {"BH", "973", "", "00", 0},    {"BI", "257", "", "00", 0},   {"BJ", "229", "", "00", 0},
    {"BL", "590", "0", "00", 0},   {"BM", "1", "1", "011", 10},  {"BN", "673", "", "00", 0},
    {"BO", "591", "0", "00", 0},   {"BQ", "599", "", "00", 0},   {"BR", "55", "0", "00", 0},
    {"BS", "1", "1", "011", 10},   {"BT", "975", "", "00", 0},   {"BW", "267", "", "00", 0},
    {"BY", "375", "80", "810", 9}, {"BZ", "501", "", "00", 0},   {"CA", "1", "1", "011", 10},
    {"CC", "61", "0", "0011", 0},  {"CD", "243", "0", "00", 0},  {"CF", "236", "", "00", 0},
    {"CG", "242", "", "00", 0},    {"CH", "41", "0", "00", 0},   {"CI", "225", "", "00", 0},
    {"CK", "682", "", "00", 0},    {"CL", "56", "", "00", 0},    {"CM", "237", "", "00", 0},
    {"CN", "86", "0", "00", 0},    {"CO", "57", "", "00", 0},    {"CR", "506", "", "00", 0},
    {"CU", "53", "0", "119", 0},   {"CV", "238", "", "00", 0},   {"CW", "599", "", "00", 0},
    {"CX", "61", "0", "0011", 0},  {"CY", "357", "", "00", 0},   {"CZ", "420", "", "00", 0},
    {"DE", "49", "0", "00", 0},    {"DJ", "253", "", "00", 0},   {"DK", "45", "", "00", 0},
    {"DM", "1", "1", "011", 10},   {"DO", "1", "1", "011", 10},  {"DZ", "213", "0", "00", 0},
    {"EC", "593", "0", "00", 0},   {"EE", "372", "", "00", 0},   {"EG", "20", "0", "00", 0},
    {"EH", "212", "0", "00", 0},   {"ER", "291", "0", "00", 0},  {"ES", "34", "", "00", 0},
    {"ET", "251", "0", "00", 0},   {"FI", "358", "0", "00", 0},  {"FJ", "679", "", "00", 0},
    {"FK", "500", "", "00", 0},    {"FM", "691", "", "00", 0},   {"FO", "298", "", "00", 0},
    {"FR", "33", "0", "00", 0},    {"GA", "241", "", "00", 0},   {"GB", "44", "0", "00", 0},
    {"GD", "1", "1", "011", 10},   {"GE", "995", "0", "00", 0},  {"GF", "594", "0", "00", 0},
    {"GG", "44", "0", "00", 0},    {"GH", "233", "0", "00", 0},  {"GI", "350", "", "00", 0},
    {"GL", "299", "", "00", 0},    {"GM", "220", "", "00", 0},   {"GN", "224", "", "00", 0},
    {"GP", "590", "0", "00", 0},   {"GQ", "240", "", "00", 0},   {"GR", "30", "", "00", 0},
    {"GT", "502", "", "00", 0},    {"GU", "1", "1", "011", 10},  {"GW", "245", "", "00", 0},
    {"GY", "592", "", "001", 0},   {"HK", "852", "", "001", 0},  {"HN", "504", "", "00", 0},
    {"HR", "385", "0", "00", 0},   {"HT", "509", "", "00", 0},   {"HU", "36", "06", "00", 0},
    {"ID", "62", "0", "001", 0},   {"IE", "353", "0", "00", 0},  {"IL", "972", "0", "00", 0},
    {"IM", "44", "0", "00", 0},    {"IN", "91", "0", "00", 0},   {"IO", "246", "", "00", 0},
    {"IQ", "964", "0", "00", 0},   {"IR", "98", "0", "00", 0},   {"IS", "354", "", "00", 0},
    {"IT", "39", "", "00", 0},     {"JE", "44", "0", "00", 0},   {"JM", "1", "1", "011", 10},
    {"JO", "962", "0", "00", 0},   {"JP", "81", "0", "010", 0},  {"KE", "254", "0", "000", 0},
    {"KG", "996", "0", "00", 0},   {"KH", "855", "0", "001", 0}, {"KI", "686", "", "00", 0},
    {"KM", "269", "", "00", 0},    {"KN", "1", "1", "011", 10},  {"KP", "850", "0", "00", 0},
    {"KR", "82", "0", "00", 0},    {"KW", "965", "", "00", 0},   {"KY", "1", "1", "011", 10},
    {"KZ", "7", "8", "810", 10},   {"LA", "856", "0", "00", 0},  {"LB", "961", "0", "00", 0},
    {"LC", "1", "1", "011", 10},   {"LI", "423", "", "00", 0},   {"LK", "94", "0", "00", 0},
    {"LR", "231", "0", "00", 0},   {"LS", "266", "", "00", 0},   {"LT", "370", "0", "00", 0},
    {"LU", "352", "", "00", 0},    {"LV", "371", "", "00", 0},   {"LY", "218", "0", "00", 0},
    {"MA", "212", "0", "00", 0},   {"MC", "377", "", "00", 0},   {"MD", "373", "0", "00", 0},
    {"ME", "382", "0", "00", 0},   {"MF", "590", "0", "00", 0},  {"MG", "261", "0", "00", 0},
    {"MH", "692", "1", "011", 7},  {"MK", "389", "0", "00", 0},  {"ML", "223", "", "00", 0},
    {"MM", "95", "0", "00", 0},    {"MN", "976", "0", "001", 0}, {"MO", "853", "", "00", 0},
    {"MP", "1", "1", "011", 10},   {"MQ", "596", "0", "00", 0},  {"MR", "222", "", "00", 0},
    {"MS", "1", "1", "011", 10},   {"MT", "356", "", "00", 0},   {"MU", "230", "", "00", 0},
    {"MV", "960", "", "00", 0},    {"MW", "265", "", "00", 0},   {"MX", "52", "", "00", 0},
    {"MY", "60", "0", "00", 0},    {"MZ", "258", "", "00", 0},   {"NA", "264", "0", "00", 0},
    {"NC", "687", "", "00", 0},    {"NE", "227", "", "00", 0},   {"NF", "672", "", "00", 0},
    {"NG", "234", "0", "009", 0},  {"NI", "505", "", "00", 0},   {"NL", "31", "0", "00", 0},
    {"NO", "47", "", "00", 0},     {"NP", "977", "0", "00", 0},  {"NR", "674", "", "00", 0},
    {"NU", "683", "", "00", 0},    {"NZ", "64", "0", "00", 0},   {"OM", "968", "", "00", 0},
    {"PA", "507", "", "00", 0},    {"PE", "51", "0", "00", 0},   {"PF", "689", "", "00", 0},
    {"PG", "675", "", "00", 0},    {"PH", "63", "0", "00", 0},   {"PK", "92", "0", "00", 0},
    {"PL", "48", "", "00", 0},     {"PM", "508", "0", "00", 0},  {"PR", "1", "1", "011", 10},
    {"PS", "970", "0", "00", 0},   {"PT", "351", "", "00", 0},   {"PW", "680", "", "011", 0},
    {"PY", "595", "0", "00", 0},   {"QA", "974", "", "00", 0},   {"RE", "262", "0", "00", 0},
    {"RO", "40", "0", "00", 0},    {"RS", "381", "0", "00", 0},  {"RU", "7", "8", "810", 10},
    {"RW", "250", "", "00", 0},    {"SA", "966", "0", "00", 0},  {"SB", "677", "", "00", 0},
    {"SC", "248", "", "00", 0},    {"SD", "249", "0", "00", 0},  {"SE", "46", "0", "00", 0},
    {"SG", "65", "", "001", 0},    {"SH", "290", "", "00", 0},   {"SI", "386", "0", "00", 0},
    {"SJ", "47", "", "00", 0},     {"SK", "421", "0", "00", 0},  {"SL", "232", "0", "00", 0},
    {"SM", "378", "", "00", 0},    {"SN", "221", "", "00", 0},   {"SO", "252", "", "00", 0},
    {"SR", "597", "", "00", 0},    {"SS", "211", "0", "00", 0},  {"ST", "239", "", "00", 0},
    {"SV", "503", "", "00", 0},    {"SX", "1", "1", "011", 10},  {"SY", "963", "0", "00", 0},
    {"SZ", "268", "", "00", 0},    {"TC", "1", "1", "011", 10},  {"TD", "235", "", "00", 0},
    {"TG", "228", "", "00", 0},    {"TH", "66", "0", "001", 0},  {"TJ", "992", "", "810", 0},
    {"TL", "670", "", "00", 0},    {"TM", "993", "8", "810", 8}, {"TN", "216", "", "00", 0},
    {"TO", "676", "", "00", 0},    {"TR", "90", "0", "00", 0},   {"TT", "1", "1", "011", 10},
    {"TV", "688", "", "00", 0},    {"TW", "886", "0", "002", 0}, {"TZ", "255", "0", "000", 0},
    {"UA", "380", "0", "00", 0},   {"UG", "256", "0", "000", 0}, {"US", "1", "1", "011", 10},
    {"UY", "598", "0", "00", 0},   {"UZ", "998", "", "00", 0},   {"VA", "39", "", "00", 0},
    {"VC", "1", "1", "011", 10},   {"VE", "58", "0", "00", 0},   {"VG", "1", "1", "011", 10},
    {"VI", "1", "1", "011", 10},   {"VN", "84", "0", "00", 0},   {"VU", "678", "", "00", 0},
    {"WF", "681", "", "00", 0},    {"WS", "685", "", "00", 0},   {"XK", "383", "0", "00", 0},
    {"YE", "967", "0", "00", 0},   {"YT", "262", "0", "00", 0},  {"ZA", "27", "0", "00", 0},
    {"ZM", "260", "0", "00", 0},   {"ZW", "263", "0", "00", 0},
};
const char *const phone_countries[] = {
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB",
    "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BW", "BY",
    "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW",
    "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI",
    "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL", "GM", "GN", "GP",
    "GQ", "GR", "GT", "GU", "GW", "GY", "HK", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO",
    "IQ", "IR", "IS", "IT", "JE", "JM", "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW",
    "KY", "KZ", "LA", "LB", "LC", "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME",
    "MF", "MG", "MH", "MK", "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX",
    "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE",
    "PF", "PG", "PH", "PK", "PL", "PM", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW",
    "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST",
    "SV", "SX", "SY", "SZ", "TC", "TD", "TG", "TH", "TJ", "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW",
    "TZ", "UA", "UG", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI", "VN", "VU", "WF", "WS", "XK", "YE",
    "YT", "ZA", "ZM", "ZW", NULL};

static const struct country *find_country(struct str iso)
{
    for (size_t i = 0; i < ARRAY_LEN(countries); i++)
        if (str_eq(iso, str_from(countries[i].iso)))
            return &countries[i];
    return NULL;
}

static struct str without(struct str text, size_t n)
{
    return str_sub(text, n, text.len);
}

// U+00A0, U+2007, U+202F (spaces), U+2010 to U+2015 and U+2212 (dashes), marks of direction: how long, 0:
// none.
static size_t filler(struct str rest)
{
    static const char *const fillers[] = {" ",
                                          "-",
                                          ".",
                                          "/",
                                          "(",
                                          ")",
                                          "\t",
                                          "\xC2\xA0",
                                          "\xE2\x80\x87",
                                          "\xE2\x80\xAF",
                                          "\xE2\x80\x90",
                                          "\xE2\x80\x91",
                                          "\xE2\x80\x92",
                                          "\xE2\x80\x93",
                                          "\xE2\x80\x94",
                                          "\xE2\x80\x95",
                                          "\xE2\x88\x92",
                                          "\xE2\x80\x8E",
                                          "\xE2\x80\x8F",
                                          "\xE2\x80\xAA",
                                          "\xE2\x80\xAC"};
    for (size_t i = 0; i < ARRAY_LEN(fillers); i++)
        if (str_starts(rest, str_from(fillers[i])))
            return str_from(fillers[i]).len;
    return 0;
}

// Digits, with '+' first when it is there. "+44 (0)20": the 0 in brackets is not dialled from abroad.
static bool take_digits(struct str written, struct buf *out, struct err *err)
{
    struct str rest = str_trim(written);
    if (str_starts(rest, S("tel:")))
        rest = without(rest, 4);
    while (rest.len > 0) {
        char c = rest.ptr[0];
        bool plus_first = buf_str(out).len > 0 && buf_str(out).ptr[0] == '+';
        size_t skip = plus_first && str_starts(rest, S("(0)")) ? 3 : filler(rest);
        if (skip == 0 && ((c >= '0' && c <= '9') || (c == '+' && buf_str(out).len == 0))) {
            buf_add_char(out, c);
            skip = 1;
        }
        if (skip == 0)
            return err_set(
                err, ERR_INVALID,
                "A telephone number has digits, a + in front, and spaces, dots, dashes or brackets "
                "between them.");
        if (buf_str(out).len > 40)
            return err_set(err, ERR_INVALID, "A telephone number has at most %d digits.", PHONE_DIGITS_MAX);
        rest = without(rest, skip);
    }
    return true;
}

// As dialled at home: the trunk prefix goes.
static struct str without_trunk(const struct country *home, struct str digits)
{
    struct str trunk = str_from(home->trunk);
    if (trunk.len == 0 || !str_starts(digits, trunk) || (home->digits > 0 && digits.len <= home->digits))
        return digits;
    return without(digits, trunk.len);
}

bool phone_number_read(struct str written, struct str country, struct arena *arena, struct str *ret_number,
                       struct err *err)
{
    const struct country *home = find_country(country);
    struct buf digits;
    buf_init(&digits, arena, 128);
    if (!take_digits(written, &digits, err))
        return false;
    struct str all = buf_str(&digits), abroad = str_from(home ? home->abroad : "00"), number;
    if (str_starts(all, S("+")))
        number = str_printf(arena, STR_FMT, STR_ARG(all));
    else if (str_starts(all, abroad))
        number = str_printf(arena, "+" STR_FMT, STR_ARG(without(all, abroad.len)));
    else if (home)
        number = str_printf(arena, "+%s" STR_FMT, home->code, STR_ARG(without_trunk(home, all)));
    else
        return err_set(err, ERR_INVALID,
                       "Write the number with its country: + and the country's code first.");
    if (number.len > 1 && number.ptr[1] == '0')
        return err_set(err, ERR_INVALID, "No country's code begins with 0.");
    if (number.len - 1 < PHONE_DIGITS_MIN)
        return err_set(err, ERR_INVALID,
                       "This is too short for a telephone number: with its country it has at "
                       "least %d digits.",
                       PHONE_DIGITS_MIN);
    if (number.len - 1 > PHONE_DIGITS_MAX)
        return err_set(err, ERR_INVALID, "A telephone number has at most %d digits.", PHONE_DIGITS_MAX);
    *ret_number = number;
    return true;
}
