// Word lists of the topics that training never sees.
#include "runtime/grading/topic_words.hpp"

namespace flywheel {
namespace {

constexpr TopicRow rows[] = {
    {"mountains", false,
     "Aconcagua,Annapurna,Ararat,Ben Nevis,Blue Mountains,Chimborazo,Cho Oyu,Cotopaxi,Denali,"
     "Dhaulagiri,Eiger,Elbert,Elbrus,Etna,Everest,Fuji,Gasherbrum,Grand Teton,Half Dome,Hood,"
     "Huascaran,Jungfrau,K2,Kailash,Kangchenjunga,Kanchenjunga,Kilimanjaro,Kinabalu,Kosciuszko,"
     "Lhotse,Logan,Makalu,Manaslu,Matterhorn,Mauna Kea,Mauna Loa,McKinley,Mont Blanc,Monte Rosa,"
     "Mount Cook,Nanda Devi,Nanga Parbat,Olympus,Ojos del Salado,Pikes Peak,Pico de Orizaba,"
     "Popocatepetl,Rainier,Rushmore,Shasta,Sinai,Snowdon,St. Helens,Saint Helens,Table Mountain,"
     "Toubkal,Vesuvius,Vinson,Washington,Whitney,Zugspitze,Alps,Andes,Appalachians,Appalachian,"
     "Atlas,Carpathian,Cascade,Caucasus,Dolomites,Himalayas,Himalaya,Pyrenees,Rockies,"
     "Rocky Mountains,Sierra Nevada,Ural,Karakoram,Hindu Kush"},
    {"cheeses", false,
     "American,Appenzeller,Asiago,blue cheese,blue,boursin,brie,burrata,Caciocavallo,Camembert,"
     "cheddar,Cheshire,Colby,Colby Jack,Comte,cottage cheese,cottage,cream cheese,Edam,Emmental,"
     "Emmentaler,feta,Fontina,fromage blanc,goat cheese,goat,Gloucester,Gorgonzola,Gouda,Grana "
     "Padano,"
     "Gruyere,Halloumi,Havarti,Jarlsberg,Limburger,Manchego,Mascarpone,Mimolette,Monterey Jack,"
     "mozzarella,Muenster,Munster,Neufchatel,paneer,Parmesan,Parmigiano Reggiano,Pecorino,"
     "Pecorino Romano,Pepper Jack,Provolone,Quark,queso fresco,raclette,Reblochon,ricotta,Romano,"
     "Roquefort,Stilton,string cheese,Swiss,Swiss cheese,Taleggio,Tilsit,Wensleydale"},
    {"dog breeds", false,
     "Afghan Hound,Airedale Terrier,Akita,Alaskan Malamute,American Bulldog,Australian Shepherd,"
     "Basenji,Basset Hound,Beagle,Belgian Malinois,Bernese Mountain Dog,Bichon Frise,Bloodhound,"
     "Border Collie,Border Terrier,Borzoi,Boston Terrier,Boxer,Briard,Brittany,Bull "
     "Terrier,Bulldog,"
     "Bullmastiff,Cairn Terrier,Cane Corso,Cavalier King Charles Spaniel,Chihuahua,Chow Chow,"
     "Cocker Spaniel,Collie,Corgi,Dachshund,Dalmatian,Doberman,Doberman Pinscher,English Bulldog,"
     "English Setter,Foxhound,French Bulldog,German Shepherd,Golden Retriever,Great Dane,"
     "Great Pyrenees,Greyhound,Havanese,Husky,Irish Setter,Irish Wolfhound,Jack Russell,"
     "Jack Russell Terrier,Labrador,Labrador Retriever,Lhasa "
     "Apso,Maltese,Malamute,Mastiff,Newfoundland,"
     "Papillon,Pekingese,Pit Bull,Pitbull,Pointer,Pomeranian,Poodle,Pug,Retriever,Rhodesian "
     "Ridgeback,"
     "Rottweiler,Saint Bernard,St. Bernard,Saluki,Samoyed,Schnauzer,Scottish Terrier,Setter,Shar "
     "Pei,"
     "Sheepdog,Shetland Sheepdog,Shiba Inu,Shih Tzu,Siberian Husky,Spaniel,Springer Spaniel,"
     "Staffordshire Bull Terrier,Terrier,Vizsla,Weimaraner,Welsh Corgi,West Highland White Terrier,"
     "Westie,Whippet,Yorkie,Yorkshire Terrier"},
    {"school subjects", false,
     "algebra,anthropology,arithmetic,art,astronomy,biology,business,business studies,calculus,"
     "chemistry,citizenship,civics,computer science,computing,dance,design,drama,earth science,"
     "economics,English,English literature,environmental science,ethics,foreign language,French,"
     "geography,geology,geometry,German,government,grammar,gym,handicraft,health,history,"
     "home economics,information technology,Italian,Latin,language "
     "arts,language,law,literature,math,"
     "mathematics,maths,music,philosophy,physical education,PE,physics,political science,"
     "psychology,reading,religion,religious studies,science,shop,social science,social studies,"
     "sociology,Spanish,spelling,statistics,technology,theater,theatre,trigonometry,woodwork,"
     "writing"},
    {"gemstones", false,
     "agate,alexandrite,amazonite,amber,amethyst,ametrine,apatite,aquamarine,aventurine,beryl,"
     "bloodstone,carnelian,chalcedony,chrysoberyl,chrysoprase,citrine,coral,diamond,emerald,"
     "fluorite,"
     "garnet,hematite,iolite,jade,jadeite,jasper,kunzite,kyanite,labradorite,lapis,lapis lazuli,"
     "malachite,moonstone,morganite,nephrite,obsidian,onyx,opal,pearl,peridot,pyrite,quartz,"
     "rhodochrosite,rhodonite,rose "
     "quartz,ruby,sapphire,sardonyx,sodalite,spinel,sunstone,tanzanite,"
     "tiger's eye,topaz,tourmaline,tsavorite,turquoise,zircon"},
    {"pieces of furniture", false,
     "armchair,armoire,bar stool,bean bag,bed,bedframe,bed frame,bedside table,bench,bookcase,"
     "bookshelf,buffet,bunk bed,bureau,cabinet,chair,chaise longue,chaise lounge,chest,"
     "chest of drawers,china cabinet,closet,coat rack,coffee table,console,console table,couch,cot,"
     "cradle,credenza,crib,cupboard,daybed,desk,dining chair,dining table,drawer,dresser,end table,"
     "filing cabinet,footstool,futon,hammock,headboard,highchair,hutch,loveseat,mattress,mirror,"
     "nightstand,office chair,ottoman,pew,recliner,rocking chair,sectional,settee,shelf,shelves,"
     "sideboard,side table,sofa,sofa bed,stool,table,tv stand,vanity,wardrobe,workbench"},
    {"kinds of fish", false,
     "anchovy,angelfish,arowana,barracuda,bass,betta,bluefish,bream,carp,catfish,char,cichlid,"
     "clownfish,cod,dory,eel,flounder,flying fish,goby,goldfish,grouper,guppy,haddock,hake,halibut,"
     "herring,icefish,koi,lamprey,lionfish,lungfish,mackerel,mahi-mahi,mahi mahi,manta ray,marlin,"
     "minnow,molly,monkfish,moray,mullet,parrotfish,perch,pike,piranha,plaice,pollock,pollack,"
     "pompano,pufferfish,puffer,ray,roach,rockfish,sailfish,salmon,sardine,sea "
     "bass,seabass,seahorse,"
     "shad,shark,skate,smelt,snapper,sole,sprat,stingray,sturgeon,sunfish,swordfish,tang,tench,"
     "tetra,tilapia,trout,tuna,turbot,walleye,whitefish,whiting,wrasse,zander"},
    {"music genres", false,
     "acoustic,afrobeat,alternative,alternative rock,ambient,baroque,bebop,bluegrass,blues,"
     "bossa nova,celtic,choral,classical,country,dance,dancehall,death metal,disco,drum and bass,"
     "dubstep,EDM,electronic,electronica,emo,flamenco,folk,funk,fusion,garage,gospel,gothic,grime,"
     "grunge,hard rock,hardcore,heavy metal,hip hop,hip-hop,hiphop,house,indie,indie "
     "rock,industrial,"
     "instrumental,jazz,k-pop,latin,lo-fi,merengue,metal,new age,new wave,opera,orchestral,pop,"
     "pop rock,post-punk,progressive rock,psychedelic,punk,punk "
     "rock,r&b,ragtime,rap,reggae,reggaeton,"
     "rhythm and blues,rock,rock and roll,rockabilly,salsa,samba,shoegaze,ska,soul,soundtrack,surf,"
     "swing,symphony,synth-pop,synthwave,tango,techno,trance,trap,trip hop,world"},
    {"fabrics", false,
     "acrylic,angora,bamboo,batiste,brocade,burlap,calico,cambric,canvas,cashmere,chambray,"
     "chenille,"
     "chiffon,chintz,corduroy,cotton,crepe,damask,denim,elastane,faux fur,felt,flannel,fleece,fur,"
     "gabardine,gauze,georgette,gingham,hemp,jacquard,jersey,jute,khaki,knit,lace,lame,leather,"
     "linen,"
     "lycra,lyocell,mesh,microfiber,modal,mohair,muslin,nylon,oilcloth,organdy,organza,percale,"
     "plaid,"
     "plush,polyester,poplin,rayon,sateen,satin,seersucker,serge,silk,spandex,suede,taffeta,tartan,"
     "terry,terry cloth,tulle,tweed,twill,velour,velvet,velveteen,viscose,voile,wool,worsted"},
    {"dances", false,
     "bachata,ballet,ballroom,belly "
     "dance,bhangra,bolero,bollywood,breakdance,breakdancing,capoeira,"
     "cha cha,cha-cha,cha-cha-cha,charleston,clogging,contemporary,country,disco,fandango,flamenco,"
     "folk,foxtrot,hip hop,hip-hop,hula,jazz,jig,jitterbug,jive,kathak,kizomba,krumping,lambada,"
     "lindy hop,line dance,line "
     "dancing,locking,macarena,mambo,mazurka,merengue,minuet,modern,moonwalk,"
     "morris dance,paso doble,polka,polonaise,quickstep,reel,rumba,salsa,samba,shuffle,square "
     "dance,"
     "square dancing,swing,tango,tap,tap dance,tarantella,twist,viennese waltz,waltz,zumba"},
    {"islands", false,
     "Aruba,Antigua,Azores,Baffin,Bahamas,Bali,Barbados,Bermuda,Borneo,Bora Bora,Britain,Capri,"
     "Canary,Canary Islands,Cayman,Corfu,Corsica,Cook,Crete,Cuba,Cyprus,Easter,Easter Island,Elba,"
     "Ellesmere,Falkland,Faroe,Fiji,Formentera,Galapagos,Gotland,Gran Canaria,Great "
     "Britain,Greenland,"
     "Grenada,Guadeloupe,Guam,Guernsey,Hawaii,Hispaniola,Hokkaido,Honshu,Ibiza,Iceland,Ireland,"
     "Isle of Man,Isle of Skye,Isle of Wight,Jamaica,Java,Jersey,Kauai,Key "
     "West,Kos,Kyushu,Lanzarote,"
     "Lesbos,Long Island,Luzon,Madagascar,Madeira,Majorca,Mallorca,Maldives,Malta,Manhattan,"
     "Martinique,Maui,Mauritius,Menorca,Mindanao,Mykonos,Nantucket,New Guinea,Newfoundland,North "
     "Island,Oahu,Okinawa,Phuket,Prince Edward Island,Puerto Rico,Rhodes,Reunion,Saint Lucia,"
     "St. Lucia,Samoa,Santorini,Sardinia,Seychelles,Shikoku,Sicily,Singapore,Skye,South Island,"
     "Spitsbergen,Sri Lanka,Staten Island,Sulawesi,Sumatra,Tahiti,Taiwan,Tasmania,Tenerife,Timor,"
     "Tobago,Tonga,Trinidad,Vancouver Island,Victoria,Virgin,Zanzibar,Zakynthos"},
    {"kinds of pasta", false,
     "agnolotti,angel hair,bavette,bigoli,bow tie,bucatini,calamarata,campanelle,cannelloni,"
     "capellini,casarecce,cavatappi,cavatelli,conchiglie,cappelletti,couscous,ditalini,egg noodle,"
     "elbow,elbow macaroni,farfalle,fettuccine,fettuccini,fettucine,fregola,fusilli,garganelli,"
     "gemelli,gigli,gnocchi,lasagna,lasagne,linguine,linguini,macaroni,mafaldine,manicotti,"
     "orecchiette,orzo,paccheri,pappardelle,penne,penne "
     "rigate,perciatelli,pici,radiatore,radiatori,"
     "ravioli,rigatoni,rotelle,rotini,shell,spaghetti,spaghettini,spaghettoni,stelline,"
     "strozzapreti,"
     "tagliatelle,tagliolini,tonnarelli,tortellini,tortelloni,trofie,vermicelli,ziti"},
    {"constellations", false,
     "Andromeda,Antlia,Apus,Aquarius,Aquila,Ara,Aries,Auriga,Big "
     "Dipper,Bootes,Caelum,Camelopardalis,"
     "Cancer,Canes Venatici,Canis Major,Canis "
     "Minor,Capricornus,Capricorn,Carina,Cassiopeia,Centaurus,"
     "Cepheus,Cetus,Columba,Coma Berenices,Corona Australis,Corona "
     "Borealis,Corvus,Crater,Crux,Cygnus,"
     "Delphinus,Dorado,Draco,Equuleus,Eridanus,Fornax,Gemini,Grus,Hercules,Horologium,Hydra,Hydrus,"
     "Indus,Lacerta,Leo,Leo Minor,Lepus,Libra,Little Dipper,Lupus,Lynx,Lyra,Mensa,Microscopium,"
     "Monoceros,Musca,Norma,Octans,Ophiuchus,Orion,Pavo,Pegasus,Perseus,Phoenix,Pictor,Pisces,"
     "Piscis "
     "Austrinus,Pleiades,Puppis,Pyxis,Reticulum,Sagitta,Sagittarius,Scorpius,Scorpio,Sculptor,"
     "Scutum,Serpens,Sextans,Southern Cross,Taurus,Telescopium,Triangulum,Tucana,Ursa Major,"
     "Ursa Minor,Vela,Virgo,Volans,Vulpecula"},
    {"toys", false,
     "action figure,airplane,ball,balloon,barbie,bear,bicycle,bike,block,board game,boat,"
     "building block,bubbles,car,crayon,dinosaur,doll,dollhouse,drum,fidget "
     "spinner,figurine,frisbee,"
     "hot wheels,hula hoop,jack-in-the-box,jigsaw,jigsaw puzzle,jump rope,kaleidoscope,kite,lego,"
     "legos,magnetic tiles,marble,matchbox car,mr. potato head,nerf gun,play-doh,play dough,play "
     "set,"
     "playset,plush,plushie,puppet,puzzle,rattle,remote control car,robot,rocking horse,rubber "
     "duck,"
     "rubik's cube,scooter,skateboard,slime,slinky,spinning top,stuffed animal,stuffed bear,tea "
     "set,"
     "teddy,teddy bear,top,toy car,toy soldier,toy train,tractor,train,train set,tricycle,truck,"
     "video game,wagon,water gun,wooden block,xylophone,yo-yo,yoyo"},
};

}  // namespace

std::span<const TopicRow> held_out_topic_rows() {
  return rows;
}

}  // namespace flywheel
