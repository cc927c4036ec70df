// Word lists of the topics that training draws from, and of some that hand-written tasks use.
#include "runtime/grading/topic_words.hpp"

namespace flywheel {
namespace {

constexpr TopicRow rows[] = {
    {"fruits", false,
     "apple,apricot,avocado,banana,blackberry,blackcurrant,blueberry,boysenberry,breadfruit,"
     "cantaloupe,cherry,clementine,coconut,cranberry,currant,date,dragon fruit,dragonfruit,durian,"
     "elderberry,fig,gooseberry,grape,grapefruit,guava,honeydew,jackfruit,kiwi,kiwifruit,kumquat,"
     "lemon,lime,loquat,lychee,litchi,mandarin,mango,mangosteen,melon,mulberry,nectarine,olive,"
     "orange,papaya,passion fruit,passionfruit,peach,pear,persimmon,pineapple,plantain,plum,"
     "pomegranate,pomelo,prune,quince,raisin,rambutan,raspberry,redcurrant,rhubarb,star fruit,"
     "starfruit,strawberry,tamarind,tangerine,tomato,watermelon,satsuma,soursop"},
    {"animals", false,
     "aardvark,alligator,alpaca,ant,antelope,ape,armadillo,baboon,badger,bat,bear,beaver,bee,bird,"
     "bison,boar,buffalo,butterfly,camel,cat,caribou,cheetah,chicken,chimpanzee,cobra,cougar,cow,"
     "coyote,crab,crocodile,crow,deer,dingo,dog,dolphin,donkey,duck,eagle,elephant,elk,emu,falcon,"
     "ferret,fish,flamingo,fox,frog,gazelle,gecko,giraffe,goat,goose,gorilla,hamster,hare,hawk,"
     "hedgehog,hippo,hippopotamus,horse,hyena,iguana,jaguar,jellyfish,kangaroo,koala,lemur,leopard,"
     "lion,lizard,llama,lobster,lynx,mole,monkey,moose,mouse,mule,octopus,opossum,orangutan,"
     "ostrich,"
     "otter,owl,ox,panda,panther,parrot,penguin,pig,platypus,polar bear,porcupine,puma,rabbit,"
     "raccoon,rat,reindeer,rhino,rhinoceros,rooster,salmon,scorpion,seal,shark,sheep,skunk,sloth,"
     "snail,snake,spider,squid,squirrel,swan,tiger,toad,tortoise,turkey,turtle,walrus,weasel,whale,"
     "wolf,wombat,yak,zebra"},
    {"countries", false,
     "Afghanistan,Albania,Algeria,Andorra,Angola,Argentina,Armenia,Australia,Austria,Azerbaijan,"
     "Bahamas,Bahrain,Bangladesh,Barbados,Belarus,Belgium,Belize,Benin,Bhutan,Bolivia,"
     "Bosnia and Herzegovina,Botswana,Brazil,Brunei,Bulgaria,Burkina "
     "Faso,Burundi,Cambodia,Cameroon,"
     "Canada,Cape Verde,Chad,Chile,China,Colombia,Congo,Costa Rica,Croatia,Cuba,Cyprus,Czechia,"
     "Czech Republic,Denmark,Djibouti,Dominican Republic,Ecuador,Egypt,El Salvador,England,Eritrea,"
     "Estonia,Eswatini,Ethiopia,Fiji,Finland,France,Gabon,Gambia,Georgia,Germany,Ghana,Greece,"
     "Grenada,Guatemala,Guinea,Guyana,Haiti,Honduras,Hungary,Iceland,India,Indonesia,Iran,Iraq,"
     "Ireland,Israel,Italy,Ivory Coast,Jamaica,Japan,Jordan,Kazakhstan,Kenya,Kosovo,Kuwait,"
     "Kyrgyzstan,Laos,Latvia,Lebanon,Lesotho,Liberia,Libya,Liechtenstein,Lithuania,Luxembourg,"
     "Madagascar,Malawi,Malaysia,Maldives,Mali,Malta,Mauritania,Mauritius,Mexico,Moldova,Monaco,"
     "Mongolia,Montenegro,Morocco,Mozambique,Myanmar,Namibia,Nepal,Netherlands,New Zealand,"
     "Nicaragua,Niger,Nigeria,North Korea,North Macedonia,Norway,Oman,Pakistan,Palestine,Panama,"
     "Papua New Guinea,Paraguay,Peru,Philippines,Poland,Portugal,Qatar,Romania,Russia,Rwanda,Samoa,"
     "San Marino,Saudi Arabia,Scotland,Senegal,Serbia,Seychelles,Sierra Leone,Singapore,Slovakia,"
     "Slovenia,Somalia,South Africa,South Korea,South Sudan,Spain,Sri Lanka,Sudan,Suriname,Sweden,"
     "Switzerland,Syria,Taiwan,Tajikistan,Tanzania,Thailand,Togo,Tonga,Trinidad and Tobago,Tunisia,"
     "Turkey,Turkmenistan,Uganda,Ukraine,UAE,UK,USA,United Arab Emirates,United Kingdom,"
     "United States,United States of America,Uruguay,Uzbekistan,Vanuatu,Vatican City,Venezuela,"
     "Vietnam,Wales,Yemen,Zambia,Zimbabwe"},
    {"colors", false,
     "amber,aqua,aquamarine,azure,beige,black,blue,bronze,brown,burgundy,charcoal,chartreuse,"
     "chocolate,cobalt,copper,coral,cream,crimson,cyan,ecru,emerald,fuchsia,gold,gray,green,grey,"
     "indigo,ivory,jade,khaki,lavender,lemon,lilac,lime,magenta,mahogany,maroon,mauve,mint,mustard,"
     "navy,ochre,olive,orange,orchid,peach,pink,plum,purple,red,rose,ruby,rust,salmon,sapphire,"
     "scarlet,sienna,silver,tan,teal,terracotta,turquoise,umber,vermilion,violet,white,yellow"},
    {"sports", false,
     "archery,athletics,badminton,baseball,basketball,biathlon,billiards,bobsled,bowling,boxing,"
     "canoeing,climbing,cricket,croquet,curling,cycling,darts,diving,equestrian,fencing,"
     "field hockey,figure skating,fishing,football,frisbee,golf,gymnastics,handball,hiking,hockey,"
     "horse racing,ice hockey,ice skating,jogging,judo,karate,kayaking,kickboxing,lacrosse,luge,"
     "marathon,martial arts,mixed martial arts,motocross,netball,paddleboarding,pickleball,polo,"
     "racing,racquetball,rafting,rock climbing,rowing,rugby,running,sailing,shooting,skateboarding,"
     "skating,skiing,skydiving,snooker,snowboarding,soccer,softball,squash,sumo,surfing,swimming,"
     "table tennis,taekwondo,tennis,track and field,triathlon,tug of war,ultimate frisbee,"
     "volleyball,wakeboarding,water polo,weightlifting,windsurfing,wrestling,yoga"},
    {"vegetables", false,
     "artichoke,arugula,asparagus,aubergine,bamboo shoot,bean,beet,beetroot,bell pepper,bok choy,"
     "broccoli,brussels sprout,cabbage,carrot,cassava,cauliflower,celeriac,celery,chard,chickpea,"
     "chicory,chili,collard green,corn,courgette,cucumber,daikon,edamame,eggplant,endive,fennel,"
     "garlic,ginger,green "
     "bean,jicama,kale,kohlrabi,leek,lentil,lettuce,mushroom,okra,onion,parsley,"
     "parsnip,pea,pepper,potato,pumpkin,radicchio,radish,rhubarb,rutabaga,scallion,shallot,snow "
     "pea,"
     "spinach,spring onion,squash,swede,sweet corn,sweet potato,swiss chard,taro,tomato,turnip,"
     "watercress,yam,zucchini"},
    {"rivers", false,
     "Amazon,Amur,Arkansas,Avon,Brahmaputra,Colorado,Columbia,Congo,Danube,Delaware,Dnieper,Don,"
     "Douro,Ebro,Elbe,Euphrates,Fraser,Ganges,Garonne,Godavari,Hudson,Indus,Irrawaddy,Jordan,"
     "Kaveri,"
     "Krishna,Lena,Limpopo,Loire,Mackenzie,Magdalena,Main,Mekong,Mersey,Meuse,Mississippi,Missouri,"
     "Moselle,Murray,Narmada,Niger,Nile,Ob,Oder,Ohio,Okavango,Orange,Orinoco,Paraguay,Parana,"
     "Platte,"
     "Po,Potomac,Rhine,Rhone,Rio Grande,Sacramento,Saint Lawrence,St. Lawrence,Salween,Savannah,"
     "Seine,Senegal,Severn,Shannon,Snake,Tagus,Tennessee,Thames,Tiber,Tigris,Tyne,Ural,Vistula,"
     "Volga,Volta,Weser,Yangtze,Yellow,Yenisei,Yukon,Zambezi"},
    {"tools", false,
     "adze,anvil,awl,axe,bolt "
     "cutter,broom,brush,caliper,chainsaw,chisel,clamp,crowbar,cutter,drill,"
     "file,flashlight,fork,glue gun,grinder,hacksaw,hammer,hatchet,hoe,jack,jigsaw,knife,ladder,"
     "lathe,level,machete,mallet,measuring tape,nail gun,paintbrush,pick,pickaxe,pitchfork,plane,"
     "pliers,plunger,pruner,rake,ratchet,ruler,sander,saw,scissors,scraper,screwdriver,shears,"
     "shovel,sickle,sledgehammer,socket,soldering iron,spade,spanner,square,stapler,staple gun,"
     "tape measure,tongs,toolbox,trowel,tweezers,utility knife,vice,vise,wheelbarrow,wire cutter,"
     "wrench"},
    {"hobbies", false,
     "acting,archery,astronomy,baking,birdwatching,bird watching,blogging,board games,bowling,"
     "brewing,calligraphy,camping,candle making,canoeing,ceramics,chess,climbing,collecting,"
     "coloring,cooking,crafting,crafts,crocheting,cycling,dancing,design,drawing,embroidery,"
     "exercise,exercising,fishing,fitness,gaming,gardening,genealogy,golf,guitar,hiking,"
     "horseback riding,jewelry making,jogging,juggling,kayaking,knitting,magic,meditation,"
     "model building,music,origami,painting,photography,piano,playing,podcasting,poetry,pottery,"
     "programming,puzzles,quilting,reading,rock climbing,running,sailing,scrapbooking,sculpting,"
     "sewing,singing,skateboarding,sketching,skiing,soap making,sports,stamp collecting,stargazing,"
     "surfing,swimming,tennis,traveling,travelling,video games,volunteering,walking,weaving,"
     "woodworking,writing,yoga"},
    {"cities", false,
     "Accra,Addis Ababa,Amman,Amsterdam,Ankara,Athens,Atlanta,Auckland,Austin,Baghdad,Baltimore,"
     "Bangalore,Bangkok,Barcelona,Beijing,Beirut,Belgrade,Berlin,Bogota,Boston,Brasilia,Bristol,"
     "Brisbane,Brussels,Bucharest,Budapest,Buenos Aires,Cairo,Calgary,Cape Town,Caracas,Casablanca,"
     "Charlotte,Chennai,Chicago,Cleveland,Cologne,Copenhagen,Dallas,Damascus,Delhi,Denver,Detroit,"
     "Dhaka,Doha,Dubai,Dublin,Edinburgh,Florence,Frankfurt,Geneva,Glasgow,Guangzhou,Hamburg,Hanoi,"
     "Havana,Helsinki,Hiroshima,Ho Chi Minh City,Hong Kong,Honolulu,Houston,Istanbul,Jakarta,"
     "Jerusalem,Johannesburg,Karachi,Kathmandu,Kiev,Kyiv,Kolkata,Kuala Lumpur,Kyoto,Lagos,Lahore,"
     "Las Vegas,Lima,Lisbon,Liverpool,London,Los Angeles,Lyon,Madrid,Manchester,Manila,Marseille,"
     "Melbourne,Mexico City,Miami,Milan,Minneapolis,Montreal,Moscow,Mumbai,Munich,Nairobi,Naples,"
     "Nashville,New Delhi,New Orleans,New York,New York City,Nice,Osaka,Oslo,Ottawa,Oxford,Paris,"
     "Perth,Philadelphia,Phoenix,Portland,Porto,Prague,Quebec City,Quito,Reykjavik,Riga,"
     "Rio de Janeiro,Riyadh,Rome,Rotterdam,Salt Lake City,San Antonio,San Diego,San Francisco,"
     "San Jose,Santiago,Sao "
     "Paulo,Seattle,Seoul,Seville,Shanghai,Shenzhen,Singapore,Sofia,Stockholm,"
     "Sydney,Taipei,Tallinn,Tehran,Tel Aviv,Tokyo,Toronto,Turin,Valencia,Vancouver,Venice,Vienna,"
     "Vilnius,Warsaw,Washington,Wellington,Zagreb,Zurich"},
    {"planets", false,
     "Mercury,Venus,Earth,Mars,Jupiter,Saturn,Uranus,Neptune,Pluto,Ceres,Eris,Haumea,Makemake"},
    {"desserts", false,
     "apple crumble,apple pie,baklava,banana bread,banana split,bread pudding,brownie,cake,candy,"
     "cannoli,caramel,cheesecake,chocolate,chocolate mousse,churro,cinnamon roll,cobbler,cookie,"
     "cream puff,creme brulee,crepe,crumble,cupcake,custard,donut,doughnut,eclair,flan,fondue,"
     "frozen yogurt,fruit salad,fudge,gelato,gingerbread,gulab jamun,ice cream,jello,jelly,"
     "key lime pie,lava cake,macaron,macaroon,meringue,milkshake,mochi,mousse,muffin,panna cotta,"
     "parfait,pastry,pavlova,pie,profiterole,pudding,red velvet cake,rice pudding,scone,sherbet,"
     "shortbread,sorbet,souffle,sponge,strudel,sundae,tart,tiramisu,toffee,trifle,truffle,waffle"},
    {"languages", false,
     "Afrikaans,Albanian,Amharic,Arabic,Armenian,Basque,Bengali,Bosnian,Bulgarian,Burmese,"
     "Cantonese,"
     "Catalan,Chinese,Croatian,Czech,Danish,Dutch,English,Esperanto,Estonian,Farsi,Filipino,"
     "Finnish,"
     "French,Galician,Georgian,German,Greek,Gujarati,Hausa,Hawaiian,Hebrew,Hindi,Hungarian,"
     "Icelandic,"
     "Igbo,Indonesian,Irish,Italian,Japanese,Javanese,Kannada,Kazakh,Khmer,Korean,Kurdish,Lao,"
     "Latin,"
     "Latvian,Lithuanian,Malay,Malayalam,Maltese,Mandarin,Maori,Marathi,Mongolian,Nepali,Norwegian,"
     "Pashto,Persian,Polish,Portuguese,Punjabi,Quechua,Romanian,Russian,Sanskrit,Serbian,Sinhala,"
     "Slovak,Slovenian,Somali,Spanish,Swahili,Swedish,Tagalog,Tamil,Telugu,Thai,Tibetan,Turkish,"
     "Ukrainian,Urdu,Uzbek,Vietnamese,Welsh,Xhosa,Yiddish,Yoruba,Zulu,C,C#,C++,Java,JavaScript,"
     "Python,"
     "Ruby,Rust,Go,Swift,Kotlin,PHP,Perl"},
    {"jobs", false,
     "accountant,actor,actress,analyst,architect,artist,astronaut,athlete,author,baker,banker,"
     "barber,barista,bartender,biologist,bookkeeper,builder,bus driver,butcher,carpenter,cashier,"
     "chef,chemist,cleaner,clerk,coach,consultant,cook,counselor,dancer,data analyst,data "
     "scientist,"
     "dentist,designer,detective,developer,dietitian,director,doctor,driver,economist,editor,"
     "electrician,engineer,farmer,firefighter,fisherman,flight attendant,florist,gardener,"
     "graphic designer,hairdresser,janitor,journalist,judge,lawyer,lecturer,librarian,lifeguard,"
     "machinist,manager,marketer,marketing "
     "manager,mason,mechanic,midwife,miner,model,musician,nanny,"
     "nurse,optician,painter,paramedic,pharmacist,photographer,physician,physicist,pilot,plumber,"
     "police officer,politician,postman,producer,professor,programmer,psychologist,realtor,"
     "receptionist,reporter,researcher,sailor,salesperson,scientist,secretary,security "
     "guard,singer,"
     "social worker,software developer,software engineer,soldier,surgeon,tailor,taxi "
     "driver,teacher,"
     "technician,therapist,translator,truck driver,tutor,veterinarian,vet,waiter,waitress,welder,"
     "writer"},
    {"trees", false,
     "acacia,alder,apple,ash,aspen,avocado,bamboo,banyan,baobab,beech,birch,bonsai,cedar,cherry,"
     "chestnut,coconut,cottonwood,cypress,dogwood,ebony,elder,elm,eucalyptus,fig,fir,ginkgo,"
     "hawthorn,hazel,hemlock,hickory,holly,hornbeam,horse "
     "chestnut,ironwood,jacaranda,juniper,larch,"
     "laurel,lemon,linden,locust,magnolia,mahogany,mango,mangrove,maple,mesquite,mulberry,oak,"
     "olive,"
     "orange,palm,peach,pear,pecan,pine,plane,plum,poplar,redwood,rowan,rubber tree,sandalwood,"
     "sequoia,spruce,sycamore,tamarind,teak,walnut,weeping willow,willow,yew"},
    {"birds", false,
     "albatross,bald eagle,blackbird,bluebird,blue jay,budgie,buzzard,canary,cardinal,cassowary,"
     "chickadee,chicken,cockatoo,condor,cormorant,crane,crow,cuckoo,dove,duck,eagle,egret,emu,"
     "falcon,finch,flamingo,goldfinch,goose,grouse,gull,hawk,hen,heron,hornbill,hummingbird,ibis,"
     "jay,"
     "kestrel,kingfisher,kite,kiwi,kookaburra,lark,macaw,magpie,mallard,martin,mockingbird,"
     "nightingale,oriole,osprey,ostrich,owl,parakeet,parrot,partridge,peacock,pelican,penguin,"
     "pheasant,pigeon,plover,puffin,quail,raven,roadrunner,robin,rooster,sandpiper,seagull,sparrow,"
     "starling,stork,swallow,swan,swift,tern,thrush,toucan,turkey,vulture,warbler,woodpecker,wren"},
    {"instruments", false,
     "accordion,bagpipe,balalaika,banjo,bass,bassoon,bell,bongo,bugle,cello,chime,clarinet,"
     "clavichord,conga,cornet,cymbal,didgeridoo,double bass,drum,drum kit,dulcimer,erhu,"
     "electric guitar,english horn,euphonium,fiddle,flugelhorn,flute,french horn,glockenspiel,gong,"
     "guitar,harmonica,harp,harpsichord,horn,kazoo,keyboard,koto,lute,lyre,mandolin,maraca,marimba,"
     "oboe,ocarina,organ,pan "
     "flute,percussion,piano,piccolo,recorder,saxophone,shamisen,sitar,snare "
     "drum,synthesizer,tabla,tambourine,timpani,triangle,trombone,trumpet,tuba,ukulele,vibraphone,"
     "viola,violin,xylophone,zither"},
    {"drinks", false,
     "ale,apple cider,beer,bourbon,bubble tea,buttermilk,champagne,chai,cider,cocktail,cocoa,"
     "coconut water,coffee,cola,coca-cola,coke,cappuccino,eggnog,energy drink,espresso,gin,"
     "ginger ale,grape juice,green tea,horchata,hot chocolate,iced tea,juice,kefir,kombucha,lassi,"
     "latte,lemonade,limeade,liqueur,margarita,martini,matcha,mead,milk,milkshake,mineral water,"
     "mocha,mojito,orange juice,pepsi,punch,root beer,rum,sake,sangria,seltzer,smoothie,soda,"
     "soda water,sparkling water,sprite,tea,tequila,tomato juice,tonic water,vodka,water,whiskey,"
     "whisky,wine"},
    {"games", true,
     "Among Us,Animal Crossing,Backgammon,Battleship,Bingo,Blackjack,Boggle,Bridge,Call of Duty,"
     "Candy Crush,Candy Land,Carcassonne,Catan,Settlers of "
     "Catan,Charades,Checkers,Chess,Civilization,"
     "Clue,Cluedo,Codenames,Connect Four,Connect 4,Counter-Strike,Crossword,Dark Souls,Diablo,"
     "Dominoes,Donkey Kong,Doom,Dota,Dungeons and Dragons,Elden Ring,Fallout,FIFA,Final Fantasy,"
     "Fortnite,Go,Go Fish,Grand Theft Auto,Halo,Hangman,Hearts,Hide and Seek,Hopscotch,Jenga,"
     "Kingdom Hearts,League of Legends,Life,Ludo,Mahjong,Mario,Mario Kart,Mass Effect,Mastermind,"
     "Metroid,Minecraft,Monopoly,Mortal Kombat,Old Maid,Operation,Overwatch,Pac-Man,Pandemic,"
     "Pictionary,Poker,Pokemon,Pong,Portal,Red Dead Redemption,Resident Evil,Risk,Roblox,Rummy,"
     "Scattergories,Scrabble,Simon Says,SimCity,Skyrim,Elder Scrolls,Snakes and Ladders,Solitaire,"
     "Sonic,Sorry,Spades,StarCraft,Stardew Valley,Street Fighter,Sudoku,Super Mario,Tag,Tennis,"
     "Tetris,The Sims,The Witcher,Tic-Tac-Toe,Ticket to Ride,Tomb Raider,Trivial Pursuit,Trivia,"
     "Truth or Dare,Twister,Uncharted,Uno,Valorant,Warcraft,Yahtzee,Zelda,The Last of Us"},
    {"books", true,
     "1984,A Brief History of Time,A Christmas Carol,A Clockwork Orange,A Farewell to Arms,"
     "A Game of Thrones,A Passage to India,A Tale of Two Cities,A Wrinkle in Time,Alice in "
     "Wonderland,"
     "Alice's Adventures in Wonderland,Animal Farm,Anna Karenina,Anne of Green Gables,"
     "As I Lay Dying,Atlas Shrugged,Beloved,Beowulf,Brave New World,Brideshead Revisited,"
     "Bible,Catch-22,Charlotte's Web,Crime and Punishment,David Copperfield,Don "
     "Quixote,Dracula,Dune,"
     "East of Eden,Emma,Fahrenheit 451,Frankenstein,Gone Girl,Gone with the Wind,Great "
     "Expectations,"
     "Gulliver's Travels,Hamlet,Harry Potter,Heart of Darkness,Huckleberry Finn,Invisible "
     "Man,Iliad,"
     "Jane Eyre,Les Miserables,Life of Pi,Little Women,Lolita,Lord of the Flies,Lord of the Rings,"
     "Macbeth,Madame Bovary,Matilda,Middlemarch,Moby Dick,Moby-Dick,Mrs Dalloway,Narnia,"
     "Never Let Me Go,Odyssey,Of Mice and Men,Oliver Twist,On the Road,One Hundred Years of "
     "Solitude,"
     "One Flew Over the Cuckoo's Nest,Oedipus Rex,Paradise Lost,Peter Pan,Pinocchio,"
     "Pride and Prejudice,Rebecca,Robinson Crusoe,Romeo and Juliet,Sapiens,Sense and Sensibility,"
     "Slaughterhouse-Five,Slaughterhouse Five,Sherlock Holmes,The Alchemist,The Book Thief,"
     "The Brothers Karamazov,The Call of the Wild,The Canterbury Tales,The Catcher in the Rye,"
     "The Chronicles of Narnia,The Color Purple,The Count of Monte Cristo,The Da Vinci Code,"
     "The Divine Comedy,The Fault in Our Stars,The Giver,The Girl on the Train,The Grapes of Wrath,"
     "The Girl with the Dragon Tattoo,The Great Gatsby,The Handmaid's Tale,The Help,"
     "The Hitchhiker's Guide to the Galaxy,The Hobbit,The Hunger Games,The Iliad,The Jungle Book,"
     "The Kite Runner,The Little Prince,The Martian,The Name of the Rose,The Night Circus,"
     "The Odyssey,The Old Man and the Sea,The Outsiders,The Picture of Dorian Gray,The Road,"
     "The Scarlet Letter,The Secret Garden,The Secret History,The Shining,The Stranger,"
     "The Sun Also Rises,The Three Musketeers,The Time Machine,The War of the Worlds,"
     "The Wind in the Willows,Things Fall Apart,To Kill a Mockingbird,To the Lighthouse,"
     "Treasure Island,Twilight,Ulysses,War and Peace,Where the Wild Things Are,White Fang,"
     "Wuthering Heights"},
    {"flowers", false,
     "amaryllis,anemone,aster,azalea,baby's breath,begonia,bluebell,bougainvillea,buttercup,"
     "calla lily,camellia,carnation,cherry blossom,chrysanthemum,clematis,cornflower,cosmos,crocus,"
     "cyclamen,daffodil,dahlia,daisy,dandelion,delphinium,forget-me-not,foxglove,freesia,fuchsia,"
     "gardenia,geranium,gerbera,gladiolus,hibiscus,hollyhock,honeysuckle,hyacinth,hydrangea,"
     "impatiens,"
     "iris,jasmine,lavender,lilac,lily,lily of the valley,lotus,lupine,magnolia,marigold,morning "
     "glory,narcissus,orchid,pansy,peony,petunia,phlox,poppy,primrose,ranunculus,rhododendron,rose,"
     "snapdragon,snowdrop,sunflower,sweet pea,tulip,verbena,viola,violet,wisteria,zinnia"},
    {"insects", false,
     "ant,aphid,bedbug,bee,beetle,bumblebee,butterfly,caterpillar,cicada,cockroach,cricket,"
     "damselfly,dragonfly,dung beetle,earwig,firefly,flea,fly,fruit fly,gnat,grasshopper,honeybee,"
     "hornet,horsefly,housefly,katydid,lacewing,ladybird,ladybug,leafhopper,locust,louse,mantis,"
     "mayfly,midge,mosquito,moth,praying mantis,scarab,silverfish,stick insect,stink bug,termite,"
     "thrips,tick,walking stick,wasp,water strider,weevil,whitefly,yellowjacket"},
    {"metals", false,
     "aluminium,aluminum,antimony,barium,beryllium,bismuth,brass,bronze,cadmium,calcium,cerium,"
     "chromium,cobalt,copper,gallium,gold,indium,iridium,iron,lead,lithium,magnesium,manganese,"
     "mercury,molybdenum,neodymium,nickel,niobium,osmium,palladium,pewter,platinum,plutonium,"
     "potassium,radium,rhodium,ruthenium,silver,sodium,stainless steel,steel,strontium,tantalum,"
     "thallium,tin,titanium,tungsten,uranium,vanadium,yttrium,zinc,zirconium"},
    {"oceans", false,
     "Pacific,Atlantic,Indian,Arctic,Southern,Antarctic,Pacific Ocean,Atlantic Ocean,Indian Ocean,"
     "Arctic Ocean,Southern Ocean,Antarctic Ocean,North Atlantic,South Atlantic,North "
     "Pacific,South "
     "Pacific"},
    {"shapes", false,
     "arrow,circle,cone,crescent,cross,cube,cuboid,cylinder,decagon,diamond,dodecagon,ellipse,"
     "heart,"
     "hemisphere,heptagon,hexagon,kite,nonagon,octagon,oval,parallelogram,pentagon,polygon,prism,"
     "pyramid,quadrilateral,rectangle,rhombus,ring,semicircle,sphere,spiral,square,star,"
     "tetrahedron,"
     "torus,trapezium,trapezoid,triangle"},
    {"vehicles", false,
     "aeroplane,airplane,aircraft,ambulance,bicycle,bike,boat,bulldozer,bus,cab,camper,canoe,car,"
     "carriage,cart,convertible,crane,electric car,excavator,ferry,fire engine,fire truck,forklift,"
     "glider,go-kart,golf cart,helicopter,hot air balloon,hovercraft,jeep,jet,jet ski,kayak,"
     "limousine,lorry,minibus,minivan,monorail,moped,motorbike,motorcycle,motorboat,pickup,pickup "
     "truck,plane,police car,raft,rickshaw,rocket,rowboat,rv,sailboat,scooter,sedan,segway,ship,"
     "skateboard,sled,snowmobile,spaceship,sports car,submarine,subway,suv,tank,taxi,tractor,train,"
     "tram,tricycle,trolley,truck,tugboat,unicycle,van,wagon,yacht"},
    {"spices", false,
     "allspice,anise,basil,bay leaf,black pepper,caraway,cardamom,cayenne,cayenne pepper,celery "
     "seed,chili,chili powder,chives,cilantro,cinnamon,clove,coriander,cumin,curry,curry "
     "powder,dill,"
     "fennel,fennel seed,fenugreek,garam masala,garlic,garlic powder,ginger,juniper,lavender,"
     "lemongrass,mace,marjoram,mint,mustard,mustard seed,nutmeg,onion powder,oregano,paprika,"
     "parsley,pepper,peppercorn,poppy seed,red pepper,rosemary,saffron,sage,salt,salt and pepper,"
     "sesame,star anise,sumac,tarragon,thyme,turmeric,vanilla,white pepper,za'atar"},
    {"clothes", false,
     "apron,bathrobe,belt,beanie,bikini,blazer,blouse,boot,bow tie,boxers,bra,cap,cape,cardigan,"
     "coat,corset,dress,earmuffs,fleece,gloves,glove,gown,hat,hoodie,jacket,jeans,jersey,jumper,"
     "jumpsuit,kilt,kimono,leggings,mittens,nightgown,overalls,overcoat,pajamas,pants,parka,poncho,"
     "polo shirt,pullover,pyjamas,raincoat,robe,sandal,sari,scarf,shawl,shirt,shoe,shorts,skirt,"
     "slippers,sneakers,sock,stockings,suit,sunglasses,sweater,sweatpants,sweatshirt,swimsuit,"
     "t-shirt,tank top,tie,tights,top,tracksuit,trousers,tuxedo,underwear,uniform,vest,waistcoat,"
     "windbreaker"},
    {"rooms", false,
     "attic,ballroom,basement,bathroom,bedroom,boardroom,cellar,classroom,closet,conference room,"
     "conservatory,den,dining room,dressing room,entryway,family room,foyer,game room,garage,"
     "great room,guest room,gym,hall,hallway,home office,kitchen,laundry,laundry room,library,"
     "living room,lobby,lounge,master bedroom,mudroom,nursery,office,pantry,parlor,playroom,porch,"
     "powder room,restroom,salon,sauna,sitting room,storage room,studio,study,sunroom,toilet,"
     "utility room,waiting room,wine cellar,workshop"},
    {"body parts", false,
     "abdomen,ankle,arm,armpit,back,belly,bladder,bone,brain,breast,calf,cheek,chest,chin,ear,"
     "earlobe,elbow,eye,eyebrow,eyelash,eyelid,face,finger,fingernail,foot,feet,forearm,forehead,"
     "gum,hair,hand,head,heart,heel,hip,intestine,jaw,kidney,knee,knuckle,leg,lip,liver,lung,mouth,"
     "muscle,nail,navel,neck,nose,nostril,palm,pancreas,pelvis,rib,scalp,shin,shoulder,skin,skull,"
     "spine,spleen,stomach,teeth,temple,thigh,throat,thumb,toe,toenail,tongue,tooth,torso,trunk,"
     "waist,wrist"},
};

}  // namespace

std::span<const TopicRow> training_topic_rows() {
  return rows;
}

}  // namespace flywheel
