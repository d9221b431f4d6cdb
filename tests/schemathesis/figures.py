"""Says in a few lines what `hooks.py` counted; fails where a run looked at nothing."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    figures = json.load(file)


def line(name):
    return ", ".join(f"{key} {value}" for key, value in sorted(figures[name].items(), key=lambda each: -each[1])) or "none"


print(f"sent:        {line('sent')} ({line('shape')})")
print(f"answers:     {line('outcome')}")
print(f"status:      {line('status')}")
print(f"errors:      {line('codes')}")
print(f"userErrors:  {line('userErrors')}; written by {sum(figures['written'].values())} mutations of {len(figures['written'])} kinds")
print(f"fields seen with a value: {figures['fields_with_a_value']}; root fields never answered with data: {len(figures['never_answered'])}")
print(f"slowest:     {', '.join(f'{label} {seconds} s' for seconds, label in figures['slowest'][:3])}")
if not any(outcome.endswith("data") for outcome in figures["outcome"]):
    sys.exit("not one answer with data: nothing was looked at")
