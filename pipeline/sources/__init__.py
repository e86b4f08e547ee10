"""Where answers come from. Every source gives the same frame: `pipeline.schemas.ANSWERS`."""
