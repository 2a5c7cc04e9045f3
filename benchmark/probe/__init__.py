"""The linear probe: features once, then a small loop on arrays."""
