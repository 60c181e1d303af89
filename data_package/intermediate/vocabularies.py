"""Closed vocabularies that more than one table uses; one that a single table uses is in its module.

A value outside its vocabulary stops the table that meets it. The order of the categories is the
order in which they sort: by dose, in time or by degree where there is such an order.
"""

import polars as pl

TREATMENT_ARM = pl.Enum(["Placebo", "Xanomeline Low Dose", "Xanomeline High Dose"])

EPOCH = pl.Enum(["SCREENING", "TREATMENT", "FOLLOW-UP"])

SEVERITY = pl.Enum(["MILD", "MODERATE", "SEVERE"])

# The system organ classes of MedDRA, the dictionary that conditions and events are coded with.
BODY_SYSTEM = pl.Enum(
    [
        "BLOOD AND LYMPHATIC SYSTEM DISORDERS",
        "CARDIAC DISORDERS",
        "CONGENITAL, FAMILIAL AND GENETIC DISORDERS",
        "EAR AND LABYRINTH DISORDERS",
        "ENDOCRINE DISORDERS",
        "EYE DISORDERS",
        "GASTROINTESTINAL DISORDERS",
        "GENERAL DISORDERS AND ADMINISTRATION SITE CONDITIONS",
        "HEPATOBILIARY DISORDERS",
        "IMMUNE SYSTEM DISORDERS",
        "INFECTIONS AND INFESTATIONS",
        "INJURY, POISONING AND PROCEDURAL COMPLICATIONS",
        "INVESTIGATIONS",
        "METABOLISM AND NUTRITION DISORDERS",
        "MUSCULOSKELETAL AND CONNECTIVE TISSUE DISORDERS",
        "NEOPLASMS BENIGN, MALIGNANT AND UNSPECIFIED (INCL CYSTS AND POLYPS)",
        "NERVOUS SYSTEM DISORDERS",
        "PREGNANCY, PUERPERIUM AND PERINATAL CONDITIONS",
        "PSYCHIATRIC DISORDERS",
        "RENAL AND URINARY DISORDERS",
        "REPRODUCTIVE SYSTEM AND BREAST DISORDERS",
        "RESPIRATORY, THORACIC AND MEDIASTINAL DISORDERS",
        "SKIN AND SUBCUTANEOUS TISSUE DISORDERS",
        "SOCIAL CIRCUMSTANCES",
        "SURGICAL AND MEDICAL PROCEDURES",
        "VASCULAR DISORDERS",
    ]
)
