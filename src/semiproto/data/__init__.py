"""Images, masks, split lists and the views that training draws from them."""
