//! What things are called. Whatever the report does not name ends in （演示）.

use crate::branch::Domain;

/// The end of every name that is made up.
pub(super) const SYNTHETIC: &str = "（演示）";

/// A made-up name, marked as such.
pub(super) fn synthetic(name: &str) -> String {
    format!("{name}{SYNTHETIC}")
}

/// 第一, 第二, …; beyond ten in figures.
pub(super) fn ordinal(number: usize) -> String {
    let numerals = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"];
    match numerals.get(number.wrapping_sub(1)) {
        Some(numeral) => format!("第{numeral}"),
        None => format!("第{number}"),
    }
}

/// The `index`th joining of a first and a second part; all are different until every one has been given.
pub(super) fn combine(first: &[&str], second: &[&str], index: usize) -> String {
    let (rows, columns) = (first.len().max(1), second.len().max(1));
    let head = first.get(index % rows).copied().unwrap_or_default();
    let tail = second
        .get((index / rows + index % rows) % columns)
        .copied()
        .unwrap_or_default();
    format!("{head}{tail}")
}

/// The streets (街道), which are real; committees 1 to 4.
pub(super) const STREETS: [&str; 4] = ["海沧街道", "新阳街道", "嵩屿街道", "东孚街道"];

const PLACES_FIRST: [&str; 12] = [
    "海", "新", "霞", "林", "石", "青", "鳌", "东", "西", "锦", "古", "祥",
];
const PLACES_SECOND: [&str; 10] = ["虹", "埔", "塘", "边", "厝", "冠", "山", "里", "田", "湾"];

const BUREAUS: [&str; 24] = [
    "发展改革",
    "教育管理",
    "科技信息",
    "民政事务",
    "司法行政",
    "财政",
    "人力资源",
    "自然资源",
    "生态环境",
    "住房建设",
    "交通",
    "农业农村",
    "水利",
    "商务",
    "文化旅游",
    "卫生健康",
    "退役军人",
    "应急管理",
    "审计",
    "市场监管",
    "统计",
    "城市管理",
    "行政审批",
    "信访",
];
const COURTS: [&str; 7] = [
    "公安第一片区",
    "公安第二片区",
    "公安第三片区",
    "交警",
    "检察",
    "审判",
    "综治",
];
const SCHOOLS_FIRST: [&str; 12] = [
    "启航", "育新", "明德", "知行", "海音", "晨曦", "天心", "鼎美", "洪塘", "华美", "延奎", "双屿",
];
const SCHOOLS_SECOND: [&str; 3] = ["小学", "中学", "幼儿园"];
const HOSPITALS: [&str; 11] = [
    "海沧街道社区卫生服务中心",
    "新阳街道社区卫生服务中心",
    "嵩屿街道社区卫生服务中心",
    "东孚街道社区卫生服务中心",
    "第一医院",
    "第二医院",
    "中医院",
    "妇幼保健中心",
    "疾病防控中心",
    "急救中心",
    "康复医院",
];
const PUBLIC_WORKS: [&str; 5] = [
    "市政中心",
    "园林绿化中心",
    "公路养护中心",
    "港区调度中心",
    "水务中心",
];
const STATE_COMPANIES: [&str; 16] = [
    "远海码头公司",
    "城建集团",
    "土地开发公司",
    "水务集团",
    "文旅集团",
    "物业集团",
    "公交场站公司",
    "保障房公司",
    "园区开发公司",
    "粮储公司",
    "会展公司",
    "担保公司",
    "数据公司",
    "人力集团",
    "农产公司",
    "环卫集团",
];
const STATE_BUILDERS: [&str; 6] = [
    "市政建设集团",
    "路桥公司",
    "轨道建设公司",
    "管网公司",
    "检测公司",
    "照明公司",
];
const FIRMS_FIRST: [&str; 20] = [
    "博远", "鹭航", "启明", "恒泰", "宏展", "锐科", "嘉和", "瑞丰", "金海", "长青", "汇通", "益康", "蓝湾",
    "卓越", "盛世", "华彩", "信立", "天工", "凌云", "百川",
];
const FIRMS_SECOND: [&str; 9] = [
    "生物科技",
    "机械",
    "电子",
    "物流",
    "食品",
    "新材料",
    "医疗器械",
    "光学",
    "包装",
];
const SOCIETIES_FIRST: [&str; 11] = [
    "义工",
    "律师",
    "养老服务",
    "青少年",
    "助残",
    "环保",
    "书画",
    "家政",
    "企业家",
    "社工",
    "体育",
];
const SOCIETIES_SECOND: [&str; 3] = ["协会", "服务中心", "联合会"];

/// Branches of one village, bureau, school or company.
pub(super) fn branches_a_unit(domain: Domain, committee: usize) -> usize {
    match domain {
        Domain::Rural | Domain::Community | Domain::StateOwned => 4,
        Domain::Government => match committee {
            1..=4 => 5,
            12 => 4,
            _ => 3,
        },
        Domain::PublicInstitution => {
            if committee == 6 {
                2
            } else {
                4
            }
        }
        Domain::NonPublic | Domain::SocialOrg => 1,
    }
}

/// The name of a village, bureau, school or company. `index` counts those of a committee and domain,
/// `in_district` those of the domain in the whole district.
pub(super) fn unit(domain: Domain, committee: usize, index: usize, in_district: usize) -> String {
    let street = STREETS
        .get(committee.wrapping_sub(1))
        .copied()
        .unwrap_or_default();
    let listed = |names: &[&str]| {
        names
            .get(index % names.len().max(1))
            .copied()
            .unwrap_or_default()
            .to_owned()
    };
    match domain {
        Domain::Rural => {
            let place = combine(&PLACES_FIRST, &PLACES_SECOND, in_district + 60);
            format!("{street}{place}村")
        }
        Domain::Community => {
            let place = combine(&PLACES_FIRST, &PLACES_SECOND, in_district);
            format!("{street}{place}社区")
        }
        Domain::Government => match committee {
            1..=4 => format!("{street}机关"),
            12 => format!("区{}机关", listed(&COURTS)),
            _ => format!("区{}机关", listed(&BUREAUS)),
        },
        Domain::PublicInstitution => match committee {
            6 => combine(&SCHOOLS_FIRST, &SCHOOLS_SECOND, index),
            7 => listed(&HOSPITALS),
            _ => listed(&PUBLIC_WORKS),
        },
        Domain::StateOwned => {
            if committee == 8 {
                listed(&STATE_COMPANIES)
            } else {
                listed(&STATE_BUILDERS)
            }
        }
        Domain::NonPublic => format!("{}公司", combine(&FIRMS_FIRST, &FIRMS_SECOND, in_district)),
        Domain::SocialOrg => combine(&SOCIETIES_FIRST, &SOCIETIES_SECOND, in_district),
    }
}

/// Tasks that temporary branches were set up for; they end with them.
pub(super) const TASKS: [(Domain, &str); 7] = [
    (Domain::Community, "疫情防控一线"),
    (Domain::Community, "全员核酸采样"),
    (Domain::Government, "隔离点专班"),
    (Domain::Government, "文明创建专班"),
    (Domain::PublicInstitution, "驰援医疗队"),
    (Domain::StateOwned, "地铁建设工地"),
    (Domain::NonPublic, "复工复产保障"),
];

/// 720 brand names, before their mark.
pub(super) fn brand(index: usize) -> String {
    const FIRST: [&str; 24] = [
        "红帆", "同心", "先锋", "暖心", "海韵", "匠心", "初心", "融合", "阳光", "鹭岛", "青春", "薪火",
        "星火", "清风", "护航", "聚力", "春雨", "金桥", "丹心", "灯塔", "绿洲", "智慧", "和美", "晨光",
    ];
    const SECOND: [&str; 30] = [
        "领航",
        "驿站",
        "课堂",
        "服务队",
        "先锋岗",
        "家园",
        "议事厅",
        "工作室",
        "快车",
        "联盟",
        "书屋",
        "哨所",
        "管家",
        "讲堂",
        "桥头堡",
        "工坊",
        "连心桥",
        "守护",
        "同行",
        "加油站",
        "先锋队",
        "服务站",
        "流动岗",
        "攻关组",
        "会客厅",
        "红课",
        "帮帮团",
        "接力",
        "直通车",
        "圆桌",
    ];
    combine(&FIRST, &SECOND, index)
}
