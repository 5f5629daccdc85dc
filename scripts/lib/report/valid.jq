# SPDX-License-Identifier: GPL-2.0-only
# Is this one whole results.json? The form in words: docs/results.schema.json.
length == 1 and (.[0] | . as $run
  | .schema == 1 and (.contract | type == "string") and (.machine | type == "string")
    and all("fault", "command", "emulator", "kernel_image", "kernel"; $run[.] | . == null or type == "string")
    and (.facts | type == "object") and all(.facts[]; type == "string")
    and (.totals | type == "object")
    and all("conforms", "known", "violates", "broken", "undecided", "skip"; $run.totals[.] | type == "number")
    and (.verdict | type == "string") and (.complete | type == "boolean") and (.cases | type == "array")
    and all(.cases[]; (.program | type == "string") and (.case | type == "string")
      and (.outcome | IN("conforms", "known", "violates", "broken", "undecided", "skip"))
      and (.reason | type == "string") and (.rules | type == "array") and all(.rules[]; type == "string")
      and (.outcome != "known" or (.reason | test("^known [^ ]")))
      and (.said | type == "array") and all(.said[]; type == "string")))
