// The rules of stylelint-config-recommended find faults, and do not judge style. The rule that
// is off demands an order of selectors: the stylesheet is ordered by component.
export default {
  extends: "stylelint-config-recommended",
  rules: { "no-descending-specificity": null },
};
