"""Speed, memory and weight, measured against what they are made of."""
