"""Rules: what they ask, how an answer is judged, and how states follow from judgements."""
