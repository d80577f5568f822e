// SPDX-License-Identifier: AGPL-3.0-or-later
// See cld2.h. Compiled without exceptions and run-time types, so that nothing of C++ comes along but CLD2.
#include <cstdio>
#include <cld2/public/encodings.h>
#include <cld2/public/compact_lang_det.h>

extern "C" {
#include "text/cld2.h"
}

extern "C" const char *cld2_guess(const char *text, size_t len, int *ret_percent, bool *ret_sure)
{
    const int best_effort = 0x4000; // kCLDFlagBestEffort: also for few words
    CLD2::CLDHints hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
    CLD2::Language languages[3];
    int percents[3], bytes;
    double scores[3];
    bool sure;
    CLD2::Language found = CLD2::ExtDetectLanguageSummary(text, static_cast<int>(len), true, &hints, best_effort, languages,
                                                          percents, scores, nullptr, &bytes, &sure);
    *ret_percent = percents[0];
    *ret_sure = sure;
    return CLD2::LanguageCode(found);
}
